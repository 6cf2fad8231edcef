// Pages work without this file. It keeps addresses short, where fields left empty are not sent, and
// looks again while the first bills come in, where nobody can be filling in a form.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method !== "get") return;
  for (const field of form.elements) {
    const isDefault = field.dataset?.default !== undefined && field.value === field.dataset.default;
    if (field.name && (field.value === "" || isDefault)) field.disabled = true;
  }
});

// The back button must find the form as it was, not with the fields that were left out.
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form [name]")) field.disabled = false;
});

if (document.querySelector("[data-arriving]") && !document.querySelector("form")) {
  setTimeout(() => location.reload(), 3000);
}

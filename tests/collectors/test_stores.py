"""One suite over every store, and what each has of its own."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pytest
from s3 import S3Server

from collectors.interface import Health
from collectors.stores.endpoints import refuse_link_local
from collectors.stores.folder import FolderStore
from collectors.stores.interface import ChangedError, Store
from collectors.stores.s3 import Place, S3Store
from collectors.stores.spool import Spool
from config.settings import S3
from domain.errors import SourceError, StorageError


class Kit(Protocol):
    """A store and the way to change what it holds."""

    store: Store

    def put(self, key: str, content: bytes) -> None: ...

    def delete(self, key: str) -> None: ...


class FolderKit:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "root"
        self.folder.mkdir()
        (folder / "outside.csv").write_bytes(b"outside")
        self.store: Store = FolderStore(str(self.folder))

    def put(self, key: str, content: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def delete(self, key: str) -> None:
        (self.folder / key).unlink()


class S3Kit:
    def __init__(self, server: S3Server, scratch: Path) -> None:
        self.bucket = server.bucket()
        self.client = server.client()
        self.client.put_object(Bucket=self.bucket, Key="outside.csv", Body=b"outside")
        self.client.put_object(Bucket=self.bucket, Key="exports-old/a.csv", Body=b"outside")
        self.store: Store = S3Store(f"s3://{self.bucket}/exports", S3(), scratch=scratch)

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"exports/{key}", Body=content)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=f"exports/{key}")


@pytest.fixture(params=["folder", "s3"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Kit:
    if request.param == "folder":
        return FolderKit(tmp_path)
    return S3Kit(request.getfixturevalue("s3_env"), tmp_path / "scratch")


def read(store: Store, key: str) -> bytes:
    file = store.again(key)
    assert file is not None
    with store.opened(file) as handle:
        return handle.read()


def test_lists_what_lies_below_the_root_and_nothing_else(kit: Kit) -> None:
    kit.put("b.csv", b"12345")
    kit.put("a/deep er/ü.csv", b"1")
    found = kit.store.files()
    assert [(file.key, file.size) for file in found] == [("a/deep er/ü.csv", 1), ("b.csv", 5)]
    assert all(file.modified.utcoffset() is not None for file in found)


def test_lists_more_files_than_fit_a_page(kit: Kit) -> None:
    if isinstance(kit, S3Kit):
        kit.store._client().meta.events.register(  # type: ignore[attr-defined]  # a page of 1,000 takes long to fill
            "provide-client-params.s3.ListObjectsV2", lambda params, **_: params | {"MaxKeys": 2}
        )
    for i in range(5):
        kit.put(f"{i}.csv", b"x")
    assert [file.key for file in kit.store.files()] == [f"{i}.csv" for i in range(5)]


def test_opens_exactly_what_was_listed(kit: Kit) -> None:
    kit.put("a.csv", b"hello")
    (file,) = kit.store.files()
    for _ in range(2):
        with kit.store.opened(file) as handle:
            assert handle.read() == b"hello"
            assert os.pread(handle.fileno(), 2, 1) == b"el"


def test_a_file_that_changed_since_it_was_listed_is_not_opened(kit: Kit) -> None:
    kit.put("a.csv", b"hello")
    (file,) = kit.store.files()
    kit.put("a.csv", b"hellooo")
    with pytest.raises(ChangedError), kit.store.opened(file):
        pass
    assert read(kit.store, "a.csv") == b"hellooo"


def test_a_file_that_is_gone_is_not_opened(kit: Kit) -> None:
    kit.put("a.csv", b"hello")
    (file,) = kit.store.files()
    kit.delete("a.csv")
    with pytest.raises(ChangedError), kit.store.opened(file):
        pass
    assert kit.store.again("a.csv") is None


def test_stamps_and_tags_differ_when_content_does(kit: Kit) -> None:
    marks = []
    for content in (b"one", b"two", b"one"):
        kit.put("a.csv", content)
        (file,) = kit.store.files()
        with kit.store.opened(file) as handle:
            marks.append((file.stamp, kit.store.tag_of(file, handle)))
    assert marks[0] != marks[1]
    assert marks[0][1] != marks[1][1]
    assert marks[0][1] == marks[2][1]


def test_paths_are_safe_to_show(kit: Kit) -> None:
    assert "\x1b" not in kit.store.path_of("a\x1b[31m.csv")
    assert kit.store.path_of("a.csv").endswith("/a.csv")
    assert kit.store.path_of("a.csv").startswith(kit.store.root)


def test_the_probe_is_content_with_a_file_that_can_be_read(kit: Kit) -> None:
    kit.put("a.csv", b"hello")
    probes = kit.store.probe()
    assert [probe.health for probe in probes] == [Health.OK, Health.OK]
    assert "a.csv" in probes[1].subject


def test_a_file_that_was_read_for_good_can_still_be_read_again(kit: Kit) -> None:
    kit.put("a.csv", b"hello")
    (file,) = kit.store.files()
    for _ in range(2):
        with kit.store.opened(file) as handle:
            assert handle.read() == b"hello"
        kit.store.done(file)


# Folders


def test_hidden_folders_links_to_folders_and_devices_are_not_entered(tmp_path: Path) -> None:
    kit = FolderKit(tmp_path)
    kit.put(".hidden/a.csv", b"x")
    kit.put("a.csv", b"x")
    (kit.folder / "link").symlink_to(tmp_path)
    (kit.folder / "linked.csv").symlink_to(kit.folder / "a.csv")
    (kit.folder / "dangling.csv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(kit.folder / "pipe.csv")
    assert [file.key for file in kit.store.files()] == ["a.csv", "linked.csv"]


def _refusing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Root may read everything, so a test must play the kernel that says no."""
    scandir, opened = os.scandir, Path.open

    def refuse(path: Any) -> None:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))

    def checked_scandir(path: Any) -> Any:
        refuse(path)
        return scandir(path)

    def checked_open(path: Path, *args: Any, **options: Any) -> Any:
        refuse(path)
        return opened(path, *args, **options)

    monkeypatch.setattr(os, "scandir", checked_scandir)
    monkeypatch.setattr(Path, "open", checked_open)


def test_a_folder_that_cannot_be_listed_is_an_error_not_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = FolderKit(tmp_path)
    kit.put("secret/a.csv", b"x")
    _refusing(monkeypatch, "secret")
    with pytest.raises(SourceError, match="secret cannot be read: Permission denied") as caught:
        kit.store.files()
    assert "permission" in caught.value.hint
    assert kit.store.probe()[0].health is Health.FAIL


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = FolderKit(tmp_path)
    kit.put("a.csv", b"x")
    _refusing(monkeypatch, "a.csv")
    assert kit.store.probe()[1].health is Health.FAIL
    with pytest.raises(SourceError, match=r"a\.csv cannot be read"):
        read(kit.store, "a.csv")


# Buckets


def test_one_object_may_be_named(s3_env: S3Server, tmp_path: Path) -> None:
    kit = S3Kit(s3_env, tmp_path)
    kit.put("june.csv", b"june")
    kit.put("june.csv.bak", b"other")
    store = S3Store(f"s3://{kit.bucket}/exports/june.csv", S3(), scratch=tmp_path)
    assert [file.key for file in store.files()] == ["june.csv"]
    assert read(store, "june.csv") == b"june"


def test_a_whole_bucket_may_be_named(s3_env: S3Server, tmp_path: Path) -> None:
    kit = S3Kit(s3_env, tmp_path)
    store = S3Store(f"s3://{kit.bucket}", S3(), scratch=tmp_path)
    assert [file.key for file in store.files()] == ["exports-old/a.csv", "outside.csv"]
    assert read(store, "outside.csv") == b"outside"


def test_keys_with_dots_and_folder_marks_stay_keys(s3_env: S3Server, tmp_path: Path) -> None:
    kit = S3Kit(s3_env, tmp_path)
    kit.client.put_object(Bucket=kit.bucket, Key="exports/", Body=b"")
    kit.put("../../etc/passwd.csv", b"just a key")
    assert [file.key for file in kit.store.files()] == ["../../etc/passwd.csv"]
    assert read(kit.store, "../../etc/passwd.csv") == b"just a key"
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} <= {"in-use", "000001"}


def test_a_bucket_that_does_not_exist_is_told(s3_env: S3Server, tmp_path: Path) -> None:
    store = S3Store(
        "s3://nobody-has-this-one/x", S3(endpoint_url=s3_env.url, region="eu-central-1"), scratch=tmp_path
    )
    with pytest.raises(SourceError, match="cannot be listed: NoSuchBucket") as caught:
        store.files()
    assert caught.value.hint == "correct `path` of this source"
    assert store.probe()[0].health is Health.FAIL


@pytest.mark.parametrize(
    ("operation", "code", "hint"),
    [
        ("ListObjectsV2", "AccessDenied", "allow s3:ListBucket on arn:aws:s3:::"),
        ("GetObject", "AccessDenied", "allow s3:GetObject on arn:aws:s3:::"),
        ("GetObject", "ExpiredToken", "renew them"),
        ("ListObjectsV2", "InvalidAccessKeyId", "renew them"),
        ("GetObject", "InvalidObjectState", "restore the object"),
        ("GetObject", "InternalError", ""),
    ],
)
def test_what_is_missing_is_named(
    s3_env: S3Server, tmp_path: Path, operation: str, code: str, hint: str
) -> None:
    from botocore.exceptions import ClientError

    kit = S3Kit(s3_env, tmp_path)
    kit.put("a.csv", b"x")
    (file,) = kit.store.files()

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}}, operation)

    kit.store._client().meta.events.register(f"before-call.s3.{operation}", refuse)  # type: ignore[attr-defined]  # as AWS would
    with pytest.raises(SourceError, match=code) as caught:
        _ = read_listed(kit.store, file) if operation == "GetObject" else kit.store.files()
    assert hint in caught.value.hint
    failing = [probe for probe in kit.store.probe() if probe.health is Health.FAIL]
    assert operation.removesuffix("ObjectsV2").removesuffix("Object") in failing[0].subject


def read_listed(store: Store, file: Any) -> bytes:
    with store.opened(file) as handle:
        return handle.read()


def test_without_credentials_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    store = S3Store(
        "s3://bucket/x", S3(endpoint_url="http://127.0.0.1:9", region="eu-central-1"), scratch=tmp_path
    )
    with pytest.raises(SourceError, match="NoCredentialsError") as caught:
        store.files()
    assert "or give costd a role" in caught.value.hint


def test_secrets_of_the_configuration_are_used(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "testing")
    options = S3.model_validate(
        {
            "endpoint_url": s3_server.url,
            "region": "eu-central-1",
            "access_key_id": "${env:MY_KEY}",
            "secret_access_key": "${env:MY_KEY}",
        }
    )
    bucket = s3_server.bucket()
    s3_server.client().put_object(Bucket=bucket, Key="a.csv", Body=b"x")
    assert read(S3Store(f"s3://{bucket}", options, scratch=tmp_path), "a.csv") == b"x"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket/a/b", Place(bucket="bucket", prefix="a/b")),
        ("s3://bucket/a/", Place(bucket="bucket", prefix="a")),
        ("s3://bucket", Place(bucket="bucket", prefix="")),
    ],
)
def test_a_place_is_a_bucket_and_a_prefix(url: str, place: Place) -> None:
    assert Place.parse(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://[fe80::1]:80",
        "http://[fd00:ec2::254]",
        "http://[::ffff:169.254.169.254]",
        "http://100.100.100.200",
        "http://metadata.google.internal",
        "http://2852039166",
    ],
)
def test_addresses_that_only_the_machines_cloud_answers_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="link-local or metadata"):
        S3Store("s3://bucket/x", S3(endpoint_url=url, region="x"), scratch=tmp_path).files()


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9000", "http://name.invalid", "http://10.0.0.1"])
def test_other_endpoints_are_fine(url: str | None) -> None:
    refuse_link_local(url)


# Spools


def writing(content: bytes) -> Callable[[BinaryIO], None]:
    def write(target: BinaryIO) -> None:
        target.write(content)

    return write


def test_a_copy_is_made_once_and_gone_with_its_spool(tmp_path: Path) -> None:
    copies = Spool(tmp_path)
    path = copies.copy("a", writing(b"x"))
    assert copies.copy("a", writing(b"y")).read_bytes() == b"x"
    copies.release("a")
    assert path.exists()
    del copies
    assert list(tmp_path.iterdir()) == []


def test_copies_beyond_the_room_are_not_kept(tmp_path: Path) -> None:
    copies = Spool(tmp_path, keep_bytes=10)
    path = copies.copy("a", writing(b"x" * 20))
    copies.release("a")
    assert not path.exists()
    copies.forget("a")


def test_a_spool_whose_process_was_killed_is_swept(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from collectors.stores.spool import Spool\n"
        "s = Spool(Path(sys.argv[1])); s.copy('a', lambda f: f.write(b'x' * 100))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    mine = Spool(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    other = Spool(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    del mine, other


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "costd-spool-new").mkdir()
    Spool(tmp_path)
    assert (tmp_path / "costd-spool-new").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, code: int) -> None:
    def fail(_: BinaryIO) -> None:
        raise OSError(code, os.strerror(code))

    copies = Spool(tmp_path)
    with pytest.raises(StorageError, match="no copy can be written") as caught:
        copies.copy("a", fail)
    assert "scratch" in caught.value.hint
    assert [path.name for path in tmp_path.rglob("0*")] == []


def test_other_failures_of_a_copy_come_through(tmp_path: Path) -> None:
    def fail(_: BinaryIO) -> None:
        raise ChangedError("changed")

    with pytest.raises(ChangedError):
        Spool(tmp_path).copy("a", fail)


def test_a_scratch_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="no copy can be written"):
        Spool(tmp_path / "file" / "below")

# A bucket, a CUR 2.0 export into it, and the role with which costd reads both.
# Apply it with credentials of the payer account; Data Exports is defined in us-east-1.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.64"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "bucket_name" {
  description = "Name of the bucket to make"
  type        = string
}

variable "prefix" {
  description = "Prefix below which the export delivers"
  type        = string
  default     = "exports/cur2"
}

variable "export_name" {
  description = "Name of the export"
  type        = string
  default     = "cur2"
}

variable "costd_principal" {
  description = "ARN of the user or role that runs costd"
  type        = string
}

variable "external_id" {
  description = "What costd has to name when it takes the role"
  type        = string
  sensitive   = true
}

data "aws_caller_identity" "payer" {}
data "aws_partition" "here" {}

locals {
  account   = data.aws_caller_identity.payer.account_id
  partition = data.aws_partition.here.partition
  columns   = <<-SQL
    bill_bill_type, bill_billing_entity, bill_billing_period_end_date, bill_billing_period_start_date,
    bill_invoice_id, bill_invoicing_entity, bill_payer_account_id, bill_payer_account_name,
    cost_category, discount, identity_line_item_id, identity_time_interval, line_item_availability_zone,
    line_item_currency_code, line_item_legal_entity, line_item_line_item_description,
    line_item_line_item_type, line_item_net_unblended_cost, line_item_net_unblended_rate,
    line_item_normalization_factor, line_item_normalized_usage_amount, line_item_operation,
    line_item_product_code, line_item_resource_id, line_item_tax_type, line_item_unblended_cost,
    line_item_unblended_rate, line_item_usage_account_id, line_item_usage_account_name,
    line_item_usage_amount, line_item_usage_end_date, line_item_usage_start_date, line_item_usage_type,
    pricing_currency, pricing_public_on_demand_cost, pricing_public_on_demand_rate, pricing_rate_code,
    pricing_term, pricing_unit, product, product_instance_type, product_location,
    product_product_family, product_region_code, product_servicecode, product_sku,
    reservation_amortized_upfront_fee_for_billing_period, reservation_effective_cost,
    reservation_net_effective_cost, reservation_net_unused_amortized_upfront_fee_for_billing_period,
    reservation_net_unused_recurring_fee, reservation_reservation_a_r_n,
    reservation_unused_amortized_upfront_fee_for_billing_period,
    reservation_unused_normalized_unit_quantity, reservation_unused_quantity,
    reservation_unused_recurring_fee, resource_tags, savings_plan_net_savings_plan_effective_cost,
    savings_plan_savings_plan_a_r_n, savings_plan_savings_plan_effective_cost,
    savings_plan_total_commitment_to_date, savings_plan_used_commitment, split_line_item_actual_usage,
    split_line_item_net_split_cost, split_line_item_net_unused_cost, split_line_item_parent_resource_id,
    split_line_item_reserved_usage, split_line_item_split_cost, split_line_item_split_usage,
    split_line_item_unused_cost
  SQL
}

resource "aws_s3_bucket" "billing" {
  bucket = var.bucket_name

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "billing" {
  bucket = aws_s3_bucket.billing.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "billing" {
  bucket = aws_s3_bucket.billing.id

  rule {
    id     = "forget-old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}

resource "aws_s3_bucket_public_access_block" "billing" {
  bucket                  = aws_s3_bucket.billing.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "delivery" {
  statement {
    sid       = "LetDataExportsDeliver"
    actions   = ["s3:PutObject", "s3:GetBucketPolicy"]
    resources = [aws_s3_bucket.billing.arn, "${aws_s3_bucket.billing.arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["bcm-data-exports.amazonaws.com", "billingreports.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "StringLike"
      variable = "aws:SourceArn"
      values = [
        "arn:${local.partition}:cur:us-east-1:${local.account}:definition/*",
        "arn:${local.partition}:bcm-data-exports:us-east-1:${local.account}:export/*",
      ]
    }
  }
}

resource "aws_s3_bucket_policy" "billing" {
  bucket = aws_s3_bucket.billing.id
  policy = data.aws_iam_policy_document.delivery.json
}

resource "aws_bcmdataexports_export" "cur2" {
  depends_on = [aws_s3_bucket_policy.billing]

  export {
    name        = var.export_name
    description = "Hourly, with resources and split cost, for costd"

    data_query {
      query_statement = "SELECT ${join(" ", split("\n", trimspace(local.columns)))} FROM COST_AND_USAGE_REPORT"

      table_configurations = {
        COST_AND_USAGE_REPORT = {
          TIME_GRANULARITY                      = "HOURLY"
          INCLUDE_RESOURCES                     = "TRUE"
          INCLUDE_SPLIT_COST_ALLOCATION_DATA    = "TRUE"
          INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY = "FALSE"
        }
      }
    }

    destination_configurations {
      s3_destination {
        s3_bucket = aws_s3_bucket.billing.bucket
        s3_prefix = var.prefix
        s3_region = "us-east-1"

        s3_output_configurations {
          format      = "PARQUET"
          compression = "PARQUET"
          output_type = "CUSTOM"
          overwrite   = "OVERWRITE_REPORT"
        }
      }
    }

    refresh_cadence {
      frequency = "SYNCHRONOUS"
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LetCostdTakeTheRole"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.costd_principal]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

data "aws_iam_policy_document" "reading" {
  statement {
    sid       = "FindTheExports"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.billing.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.prefix}/*"]
    }
  }

  statement {
    sid       = "ReadTheExports"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.billing.arn}/${var.prefix}/*"]
  }

  statement {
    sid = "AskHowTheExportsGo"
    actions = [
      "bcm-data-exports:ListExports",
      "bcm-data-exports:GetExport",
      "bcm-data-exports:ListExecutions",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "AskWhatAMonthCosts"
    actions   = ["ce:GetCostAndUsage"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "costd" {
  name               = "costd-billing"
  description        = "What costd may read of the bill, and nothing else"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "costd" {
  name   = "read-the-bill"
  role   = aws_iam_role.costd.id
  policy = data.aws_iam_policy_document.reading.json
}

output "role_arn" {
  description = "For `role_arn` of the source"
  value       = aws_iam_role.costd.arn
}

output "bucket" {
  description = "For `bucket` of the source"
  value       = aws_s3_bucket.billing.bucket
}

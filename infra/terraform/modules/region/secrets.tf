# The secrets without their values, which somebody puts there: {"username", "password", "host", "port"} for the two of DMS,
# {"password"} for the controller's.
locals {
  secrets = {
    controller  = "the controller's account at the cluster"
    purge       = "the account that deletes an org's rows at the cluster"
    dms-site    = "the tasks' account at the site"
    dms-cluster = "the tasks' account at the cluster"
  }

  controller_secrets = ["controller", "purge"]
  dms_secrets        = ["dms-site", "dms-cluster"]
  variable_prefix    = "CUTOVER_${upper(replace(var.home_region, "-", "_"))}"
}

resource "aws_secretsmanager_secret" "secret" {
  for_each = local.secrets

  name                    = "${var.name}/${each.key}"
  description             = "BigDB, ${var.home_region}: ${each.value}"
  recovery_window_in_days = 30
  tags                    = var.tags
}

resource "aws_iam_role" "dms_secrets" {
  name = "${var.name}-dms-secrets"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "dms.${var.home_region}.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.here.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "dms_secrets" {
  name = "read"
  role = aws_iam_role.dms_secrets.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [for name in local.dms_secrets : aws_secretsmanager_secret.secret[name].arn]
    }]
  })
}

resource "aws_iam_role_policy" "controller_secrets" {
  name = "${var.name}-secrets"
  role = var.secrets_role

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [for name in local.controller_secrets : aws_secretsmanager_secret.secret[name].arn]
    }]
  })
}

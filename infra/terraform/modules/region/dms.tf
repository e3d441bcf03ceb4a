resource "aws_dms_replication_subnet_group" "replication" {
  replication_subnet_group_id          = var.name
  replication_subnet_group_description = "BigDB, ${var.home_region}"
  subnet_ids                           = var.subnet_ids
  tags                                 = var.tags
}

resource "aws_dms_replication_instance" "replication" {
  replication_instance_id     = var.name
  replication_instance_class  = var.dms_instance_class
  engine_version              = var.dms_engine_version
  allocated_storage           = var.dms_storage_gb
  replication_subnet_group_id = aws_dms_replication_subnet_group.replication.id
  vpc_security_group_ids      = [aws_security_group.replication.id]
  multi_az                    = true
  publicly_accessible         = false
  auto_minor_version_upgrade  = false
  allow_major_version_upgrade = false
  tags                        = var.tags
}

resource "aws_dms_certificate" "authority" {
  for_each = { site = var.site.ca_pem, cluster = var.rds_ca_pem }

  certificate_id  = "${var.name}-${each.key}"
  certificate_pem = each.value
  tags            = var.tags
}

locals {
  # Zero dates are data, and rows of different tables arrive in an order that foreign keys do not know.
  target_attributes = "initstmt=SET FOREIGN_KEY_CHECKS=0, sql_mode='NO_ENGINE_SUBSTITUTION'"

  # Shared by all orgs of the region: forward, site to cluster; reverse, cluster to site.
  endpoints = {
    site-source    = { type = "source", engine = "mariadb", at = "site", attributes = null }
    cluster-target = { type = "target", engine = "aurora", at = "cluster", attributes = local.target_attributes }
    cluster-source = { type = "source", engine = "aurora", at = "cluster", attributes = null }
    site-target    = { type = "target", engine = "mariadb", at = "site", attributes = local.target_attributes }
  }
}

# Host, port, account and password are read from Secrets Manager: none of them is in a file or in the state.
resource "aws_dms_endpoint" "endpoint" {
  for_each = local.endpoints

  endpoint_id                     = "${var.name}-${each.key}"
  endpoint_type                   = each.value.type
  engine_name                     = each.value.engine
  ssl_mode                        = "verify-full"
  certificate_arn                 = aws_dms_certificate.authority[each.value.at].certificate_arn
  secrets_manager_arn             = aws_secretsmanager_secret.secret["dms-${each.value.at}"].arn
  secrets_manager_access_role_arn = aws_iam_role.dms_secrets.arn
  extra_connection_attributes     = each.value.attributes
  tags                            = var.tags

  depends_on = [aws_iam_role_policy.dms_secrets]
}

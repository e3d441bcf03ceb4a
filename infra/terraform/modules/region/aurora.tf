# What preflight asks of a cluster, and what a reverse task reads. A test compares this with the sources.
resource "aws_rds_cluster_parameter_group" "cluster" {
  name        = var.name
  family      = "aurora-mysql8.0"
  description = "BigDB: binlog of full rows, ids of its own, encrypted connections"
  tags        = var.tags

  parameter {
    name         = "binlog_format"
    value        = "ROW"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "binlog_row_image"
    value = "FULL"
  }

  # Sessions, locks and open transactions are seen nowhere else.
  parameter {
    name         = "performance_schema"
    value        = "1"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "auto_increment_increment"
    value = var.auto_increment_increment
  }

  parameter {
    name  = "auto_increment_offset"
    value = var.auto_increment_offset
  }

  # The fence's triggers are made by an account without SUPER.
  parameter {
    name  = "log_bin_trust_function_creators"
    value = "1"
  }

  # Takes the sites' zero dates.
  parameter {
    name  = "sql_mode"
    value = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"
  }

  parameter {
    name  = "max_allowed_packet"
    value = "67108864"
  }

  parameter {
    name  = "time_zone"
    value = "UTC"
  }

  parameter {
    name  = "character_set_server"
    value = "utf8mb4"
  }

  parameter {
    name  = "require_secure_transport"
    value = "ON"
  }

  parameter {
    name         = "tls_version"
    value        = "TLSv1.2,TLSv1.3"
    apply_method = "pending-reboot"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_rds_cluster" "cluster" {
  cluster_identifier              = var.name
  engine                          = "aurora-mysql"
  engine_version                  = var.engine_version
  db_subnet_group_name            = aws_db_subnet_group.cluster.name
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.cluster.name
  vpc_security_group_ids          = [aws_security_group.cluster.id]

  # The password is RDS's own, in Secrets Manager: it is in no file and in no state.
  master_username             = "rds_admin"
  manage_master_user_password = true

  storage_encrypted               = true
  backup_retention_period         = var.backup_retention_days
  copy_tags_to_snapshot           = true
  deletion_protection             = true
  skip_final_snapshot             = false
  final_snapshot_identifier       = "${var.name}-final"
  enabled_cloudwatch_logs_exports = ["error", "slowquery"]
  tags                            = var.tags

  depends_on = [aws_cloudwatch_log_group.cluster]
}

resource "aws_rds_cluster_instance" "cluster" {
  count = var.instances

  identifier                   = "${var.name}-${count.index + 1}"
  cluster_identifier           = aws_rds_cluster.cluster.id
  engine                       = aws_rds_cluster.cluster.engine
  engine_version               = aws_rds_cluster.cluster.engine_version
  instance_class               = var.instance_class
  publicly_accessible          = false
  auto_minor_version_upgrade   = false
  performance_insights_enabled = true
  tags                         = var.tags
}

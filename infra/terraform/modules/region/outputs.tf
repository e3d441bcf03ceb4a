output "configuration" {
  description = "This region's part of the controller's configuration."
  value = {
    cluster = {
      name       = var.name
      homeRegion = var.home_region
      host       = aws_rds_cluster.cluster.endpoint
      port       = aws_rds_cluster.cluster.port
      user       = "cutover"
      password   = { env = "${local.variable_prefix}_PASSWORD" }
      purge      = { user = "cutover_purge", password = { env = "${local.variable_prefix}_PURGE_PASSWORD" } }
      tls        = { caFile = "rds-ca.pem" }
    }
    dms = {
      region                 = var.home_region
      replicationInstanceArn = aws_dms_replication_instance.replication.replication_instance_arn
      forward = {
        sourceEndpointArn = aws_dms_endpoint.endpoint["site-source"].endpoint_arn
        targetEndpointArn = aws_dms_endpoint.endpoint["cluster-target"].endpoint_arn
      }
      reverse = {
        sourceEndpointArn = aws_dms_endpoint.endpoint["cluster-source"].endpoint_arn
        targetEndpointArn = aws_dms_endpoint.endpoint["site-target"].endpoint_arn
      }
    }
  }
}

output "ecs_secrets" {
  description = "For an ECS task's container definition, `secrets`: the variables that the configuration refers to."
  value = [
    { name = "${local.variable_prefix}_PASSWORD", valueFrom = "${aws_secretsmanager_secret.secret["controller"].arn}:password::" },
    { name = "${local.variable_prefix}_PURGE_PASSWORD", valueFrom = "${aws_secretsmanager_secret.secret["purge"].arn}:password::" },
  ]
}

output "once_at_the_cluster" {
  description = "To be run at the writer once it is there, as no parameter group knows it."
  value       = "CALL mysql.rds_set_configuration('binlog retention hours', ${var.binlog_retention_hours});"
}

output "reader_endpoint" {
  description = "For the reader hostgroup, where there is one."
  value       = aws_rds_cluster.cluster.reader_endpoint
}

output "controller_log_group" {
  description = "Where the controller's container logs to."
  value       = aws_cloudwatch_log_group.controller.name
}

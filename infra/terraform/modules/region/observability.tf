resource "aws_cloudwatch_log_group" "controller" {
  name              = "/bigdb-cutover/${var.name}/controller"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_cloudwatch_log_group" "cluster" {
  for_each = toset(["error", "slowquery"])

  name              = "/aws/rds/cluster/${var.name}/${each.value}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_cloudwatch_log_group" "tasks" {
  name              = "dms-tasks-${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# What Prometheus cannot see from the controller: the machines below it. Moves, lag and holds are in infra/monitoring.
locals {
  cluster  = { DBClusterIdentifier = aws_rds_cluster.cluster.cluster_identifier }
  instance = { ReplicationInstanceIdentifier = aws_dms_replication_instance.replication.replication_instance_id }

  alarms = {
    cluster-cpu = {
      namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.cluster
      statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 85
      says      = "The cluster is busy: flips do not begin, comparisons wait, clients may feel it."
    }
    cluster-memory = {
      namespace = "AWS/RDS", metric = "FreeableMemory", dimensions = local.cluster
      statistic = "Minimum", operator = "LessThanThreshold", threshold = 1073741824
      says      = "An instance of the cluster has less than 1 GiB of memory left."
    }
    cluster-deadlocks = {
      namespace = "AWS/RDS", metric = "Deadlocks", dimensions = local.cluster
      statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 1
      says      = "Deadlocks, more than one a second: a task and clients write the same rows?"
    }
    replication-cpu = {
      namespace = "AWS/DMS", metric = "CPUUtilization", dimensions = local.instance
      statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 85
      says      = "The replication instance is busy: lag grows for all orgs of the region."
    }
    replication-memory = {
      namespace = "AWS/DMS", metric = "FreeableMemory", dimensions = local.instance
      statistic = "Minimum", operator = "LessThanThreshold", threshold = 1073741824
      says      = "The replication instance has less than 1 GiB of memory left: tasks will stop."
    }
    replication-disk = {
      namespace = "AWS/DMS", metric = "FreeStorageSpace", dimensions = local.instance
      statistic = "Minimum", operator = "LessThanThreshold", threshold = 21474836480
      says      = "The replication instance has less than 20 GiB of disk left: tasks will stop."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = 5
  # A metric that stopped coming is a cluster or an instance that is gone.
  treat_missing_data = "breaching"
  alarm_actions      = [var.alarm_topic_arn]
  ok_actions         = [var.alarm_topic_arn]
  tags               = var.tags
}

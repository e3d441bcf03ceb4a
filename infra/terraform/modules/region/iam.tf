# Exactly the calls that the controller makes; a test compares them with its sources. What looks needs every resource,
# because DMS knows no other there; what changes needs this region's endpoints, instance and tasks.
locals {
  dms_arn = "arn:${data.aws_partition.here.partition}:dms:${var.home_region}:${data.aws_caller_identity.here.account_id}"
}

resource "aws_iam_role_policy" "controller" {
  name = "${var.name}-dms"
  role = var.controller_role

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "dms:DescribeAccountAttributes",
          "dms:DescribeConnections",
          "dms:DescribeEndpoints",
          "dms:DescribeReplicationInstances",
          "dms:DescribeReplicationTasks",
        ]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = var.home_region } }
      },
      {
        Sid    = "Tasks"
        Effect = "Allow"
        Action = [
          "dms:DeleteReplicationTask",
          "dms:DescribeTableStatistics",
          "dms:StartReplicationTask",
          "dms:StopReplicationTask",
        ]
        Resource = "${local.dms_arn}:task:*"
      },
      {
        Sid    = "BetweenOurEndpoints"
        Effect = "Allow"
        Action = ["dms:CreateReplicationTask", "dms:TestConnection"]
        Resource = concat(
          ["${local.dms_arn}:task:*", aws_dms_replication_instance.replication.replication_instance_arn],
          [for endpoint in aws_dms_endpoint.endpoint : endpoint.endpoint_arn],
        )
      },
    ]
  })
}

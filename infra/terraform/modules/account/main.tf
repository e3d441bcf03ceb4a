# Roles that DMS looks for by these very names, once for each account. Where they are there already, leave this module out.
locals {
  roles = {
    dms-vpc-role             = "AmazonDMSVPCManagementRole"
    dms-cloudwatch-logs-role = "AmazonDMSCloudWatchLogsRole"
  }
}

data "aws_partition" "here" {}

resource "aws_iam_role" "dms" {
  for_each = local.roles

  name = each.key

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "dms.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "dms" {
  for_each = local.roles

  role       = aws_iam_role.dms[each.key].name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/${each.value}"
}

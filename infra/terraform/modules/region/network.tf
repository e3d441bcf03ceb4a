data "aws_region" "here" {
  lifecycle {
    postcondition {
      condition     = self.region == var.home_region
      error_message = "The provider works in ${self.region}, and the cluster is to serve ${var.home_region}: rows must not leave their home region."
    }
  }
}

data "aws_caller_identity" "here" {}

data "aws_partition" "here" {}

resource "aws_db_subnet_group" "cluster" {
  name       = "${var.name}-cluster"
  subnet_ids = var.subnet_ids
  tags       = var.tags
}

resource "aws_security_group" "cluster" {
  name        = "${var.name}-cluster"
  description = "Who may reach the cluster"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = toset(var.client_networks)

  security_group_id = aws_security_group.cluster.id
  description       = "proxies and controllers"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 3306
  to_port           = 3306
}

resource "aws_vpc_security_group_ingress_rule" "tasks" {
  security_group_id            = aws_security_group.cluster.id
  description                  = "the replication instance"
  referenced_security_group_id = aws_security_group.replication.id
  ip_protocol                  = "tcp"
  from_port                    = 3306
  to_port                      = 3306
}

resource "aws_security_group" "replication" {
  name        = "${var.name}-replication"
  description = "Where the replication instance may go"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "to_cluster" {
  security_group_id            = aws_security_group.replication.id
  description                  = "the cluster"
  referenced_security_group_id = aws_security_group.cluster.id
  ip_protocol                  = "tcp"
  from_port                    = 3306
  to_port                      = 3306
}

resource "aws_vpc_security_group_egress_rule" "to_site" {
  security_group_id = aws_security_group.replication.id
  description       = "the site"
  cidr_ipv4         = var.site.network
  ip_protocol       = "tcp"
  from_port         = var.site.port
  to_port           = var.site.port
}

resource "aws_vpc_security_group_egress_rule" "to_secrets" {
  security_group_id = aws_security_group.replication.id
  description       = "Secrets Manager and CloudWatch"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

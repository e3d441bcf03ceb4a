# The home region us-east-1. Copy it, put your own ids in, and keep its state where only few can read it.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { product = "bigdb-cutover" }
  }
}

module "region" {
  source = "../../modules/region"

  name        = "bigdb-us-east-1"
  home_region = "us-east-1"

  vpc_id          = "vpc-0123456789abcdef0"
  subnet_ids      = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
  client_networks = ["10.10.0.0/16"]

  site = {
    network = "10.1.0.0/24"
    ca_pem  = file("${path.module}/site-ca.pem")
  }
  rds_ca_pem = file("${path.module}/rds-ca.pem")

  # Sites have 1 and 2, the other clusters the numbers that this one has not.
  auto_increment_increment = 8
  auto_increment_offset    = 4

  controller_role = "bigdb-cutover"
  secrets_role    = "bigdb-cutover-execution"
  alarm_topic_arn = "arn:aws:sns:us-east-1:123456789012:bigdb-alarms"

}

output "configuration" {
  value = yamlencode(module.region.configuration)
}

output "ecs_secrets" {
  value = module.region.ecs_secrets
}

output "once_at_the_cluster" {
  value = module.region.once_at_the_cluster
}

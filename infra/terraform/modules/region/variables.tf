variable "name" {
  description = "First part of every name, and the cluster's name in the controller's configuration."
  type        = string

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,38}$", var.name))
    error_message = "The name has to be 2 to 40 lower-case letters, digits and single hyphens, and to start with a letter."
  }
}

variable "home_region" {
  description = "The home region that this cluster serves, as CoreDB names it; the AWS region of the provider has to be the same."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.home_region))
    error_message = "The home region has to be an AWS region, such as eu-west-2."
  }
}

variable "vpc_id" {
  description = "The VPC of cluster and replication instance."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "The VPC has to be an id, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Private subnets in at least two availability zones."
  type        = list(string)

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "At least two different subnets are needed, by their ids."
  }
}

variable "client_networks" {
  description = "Networks of the proxies and controllers that may reach the cluster."
  type        = list(string)

  validation {
    condition     = length(var.client_networks) > 0 && alltrue([for network in var.client_networks : can(cidrhost(network, 0)) && !endswith(network, "/0")])
    error_message = "At least one network is needed, in CIDR notation, and never all addresses."
  }
}

variable "site" {
  description = "The site that the tasks read and write: the first one of the controller's configuration."
  type = object({
    network = string
    port    = optional(number, 3306)
    ca_pem  = string
  })

  validation {
    condition     = can(cidrhost(var.site.network, 0)) && !endswith(var.site.network, "/0")
    error_message = "The site's network has to be in CIDR notation, and never all addresses."
  }

  validation {
    condition     = var.site.port >= 1 && var.site.port <= 65535
    error_message = "The site's port has to be between 1 and 65535."
  }

  validation {
    condition     = startswith(trimspace(var.site.ca_pem), "-----BEGIN CERTIFICATE-----")
    error_message = "The authority that signed the site's certificate has to be given as PEM."
  }
}

variable "rds_ca_pem" {
  description = "Amazon's authorities for this region (the region's bundle, as PEM)."
  type        = string

  validation {
    condition     = startswith(trimspace(var.rds_ca_pem), "-----BEGIN CERTIFICATE-----")
    error_message = "Amazon's authorities have to be given as PEM."
  }
}

variable "auto_increment_increment" {
  description = "The one increment that all sites and clusters share."
  type        = number

  validation {
    condition     = var.auto_increment_increment >= 2 && var.auto_increment_increment <= 65535 && floor(var.auto_increment_increment) == var.auto_increment_increment
    error_message = "The increment has to be a whole number of at least the number of sites and clusters."
  }
}

variable "auto_increment_offset" {
  description = "This cluster's own offset; no other site or cluster has it."
  type        = number

  validation {
    condition     = var.auto_increment_offset >= 1 && var.auto_increment_offset <= var.auto_increment_increment && floor(var.auto_increment_offset) == var.auto_increment_offset
    error_message = "The offset has to be a whole number from 1 to the increment: above it, MySQL ignores it."
  }
}

variable "engine_version" {
  description = "Aurora MySQL 3 (MySQL 8.0 compatible)."
  type        = string
  default     = "8.0.mysql_aurora.3.10.0"

  validation {
    condition     = can(regex("^8\\.0\\.mysql_aurora\\.3\\.[0-9]+\\.[0-9]+$", var.engine_version))
    error_message = "The engine has to be Aurora MySQL 3, such as 8.0.mysql_aurora.3.10.0."
  }
}

variable "instance_class" {
  description = "Class of the cluster's instances."
  type        = string
  default     = "db.r7g.xlarge"

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "The class has to be one of RDS, such as db.r7g.xlarge."
  }
}

variable "instances" {
  description = "Instances of the cluster: a writer, and readers in other zones."
  type        = number
  default     = 2

  validation {
    condition     = var.instances >= 2 && var.instances <= 16
    error_message = "A cluster has 2 to 16 instances: with one there is nothing to fail over to."
  }
}

variable "backup_retention_days" {
  description = "Days for which the cluster can be restored to any point."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "Backups are kept for 1 to 35 days."
  }
}

variable "binlog_retention_hours" {
  description = "Hours for which the cluster keeps its binlogs: as long as a reverse task may stand still."
  type        = number
  default     = 72

  validation {
    condition     = var.binlog_retention_hours >= 24 && var.binlog_retention_hours <= 2160
    error_message = "Binlogs are kept for 24 to 2160 hours: preflight refuses less than a day."
  }
}

variable "dms_instance_class" {
  description = "Class of the replication instance."
  type        = string
  default     = "dms.r6i.xlarge"

  validation {
    condition     = startswith(var.dms_instance_class, "dms.")
    error_message = "The class has to be one of DMS, such as dms.r6i.xlarge."
  }
}

variable "dms_engine_version" {
  description = "Version of DMS on the replication instance."
  type        = string
  default     = "3.5.4"

  validation {
    condition     = can(regex("^3\\.[0-9]+\\.[0-9]+$", var.dms_engine_version))
    error_message = "The version has to be DMS 3, such as 3.5.4."
  }
}

variable "dms_storage_gb" {
  description = "Disk of the replication instance: changes wait there while tables load."
  type        = number
  default     = 200

  validation {
    condition     = var.dms_storage_gb >= 50 && var.dms_storage_gb <= 6144
    error_message = "The disk has to have 50 to 6144 GB."
  }
}

variable "controller_role" {
  description = "Name of the IAM role that the controller runs as."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.controller_role))
    error_message = "The role has to be given by its name."
  }
}

variable "secrets_role" {
  description = "Name of the IAM role that reads the controller's secrets for it: an ECS task's execution role, or the controller's own."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.secrets_role))
    error_message = "The role has to be given by its name."
  }
}

variable "alarm_topic_arn" {
  description = "SNS topic that hears of alarms."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$", var.alarm_topic_arn))
    error_message = "The topic has to be given by its ARN."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "CloudWatch keeps logs for one of its own numbers of days, such as 90."
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}

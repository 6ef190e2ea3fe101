# What an ML team declares: a bucket, roles, a function, an endpoint, an alarm, scaling.
terraform {
  required_providers { aws = { source = "hashicorp/aws", version = "3.39.0" } }
}
variable "url" {}
variable "memory_size" {}
variable "threshold" {}
variable "max_capacity" {}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  s3_force_path_style         = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    s3                     = var.url
    iam                    = var.url
    sts                    = var.url
    lambda                 = var.url
    sagemaker              = var.url
    cloudwatch             = var.url
    applicationautoscaling = var.url
    sns                    = var.url
    sqs                    = var.url
    cloudwatchlogs         = var.url
    ecr                    = var.url
    ssm                    = var.url
    cloudwatchevents       = var.url
  }
}
resource "aws_s3_bucket" "b" {
  bucket        = "tf-bucket-1"
  force_destroy = true
  tags          = { project = "musher" }
  versioning { enabled = true }
  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
    }
  }
  lifecycle_rule {
    id      = "old"
    enabled = true
    prefix  = "tmp/"
    expiration { days = 7 }
    noncurrent_version_expiration { days = 3 }
  }
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://example.com"]
  }
}
resource "aws_s3_bucket_public_access_block" "b" {
  bucket                  = aws_s3_bucket.b.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_policy" "b" {
  bucket = aws_s3_bucket.b.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "tls", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "${aws_s3_bucket.b.arn}/secret/*" }] })
}
resource "aws_s3_bucket_object" "o" {
  bucket         = aws_s3_bucket.b.id
  key            = "models/model.tar.gz"
  content_base64 = filebase64("model.tar.gz")
  etag           = filemd5("model.tar.gz")
  tags           = { a = "b" }
}
resource "aws_iam_role" "r" {
  name                 = "tf-role"
  description          = "of terraform"
  max_session_duration = 7200
  tags                 = { project = "musher" }
  assume_role_policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = ["sagemaker.amazonaws.com", "lambda.amazonaws.com"] }, Action = "sts:AssumeRole" }] })
}
resource "aws_iam_role_policy" "p" {
  name   = "inline"
  role   = aws_iam_role.r.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:*"], Resource = "*" }] })
}
resource "aws_iam_policy" "m" {
  name   = "tf-managed"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["logs:*"], Resource = "*" }] })
  tags   = { a = "b" }
}
resource "aws_iam_role_policy_attachment" "a" {
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.m.arn
}
resource "aws_iam_role_policy_attachment" "aws" {
  role       = aws_iam_role.r.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}
resource "aws_cloudwatch_log_group" "l" {
  name              = "/aws/lambda/tf-function"
  retention_in_days = 7
  tags              = { a = "b" }
}
resource "aws_lambda_function" "f" {
  function_name                  = "tf-function"
  description                    = "of terraform"
  role                           = aws_iam_role.r.arn
  handler                        = "function.handler"
  runtime                        = "python3.8"
  filename                       = "function.zip"
  source_code_hash               = filebase64sha256("function.zip")
  timeout                        = 10
  memory_size                    = var.memory_size
  publish                        = true
  reserved_concurrent_executions = 3
  environment { variables = { MODE = "x" } }
  tags       = { project = "musher" }
  depends_on = [aws_cloudwatch_log_group.l]
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.f.function_name
  function_version = aws_lambda_function.f.version
}
resource "aws_lambda_permission" "p" {
  statement_id  = "AllowS3"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.f.function_name
  principal     = "s3.amazonaws.com"
  source_arn    = aws_s3_bucket.b.arn
  qualifier     = aws_lambda_alias.live.name
}
resource "aws_lambda_function_event_invoke_config" "e" {
  function_name                = aws_lambda_function.f.function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 1
}
resource "aws_lambda_provisioned_concurrency_config" "p" {
  function_name                     = aws_lambda_function.f.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = 1
}
resource "aws_sagemaker_model" "m" {
  name               = "tf-model"
  execution_role_arn = aws_iam_role.r.arn
  primary_container {
    image          = "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:latest"
    model_data_url = "s3://${aws_s3_bucket.b.bucket}/${aws_s3_bucket_object.o.key}"
    environment    = { A = "b" }
  }
  tags = { project = "musher" }
}
resource "aws_sagemaker_endpoint_configuration" "c" {
  name = "tf-config"
  production_variants {
    variant_name           = "AllTraffic"
    model_name             = aws_sagemaker_model.m.name
    initial_instance_count = 1
    instance_type          = "ml.m5.large"
  }
  data_capture_config {
    enable_capture              = true
    initial_sampling_percentage = 50
    destination_s3_uri          = "s3://${aws_s3_bucket.b.bucket}/capture"
    capture_options { capture_mode = "Input" }
    capture_content_type_header { json_content_types = ["application/json"] }
  }
  tags = { project = "musher" }
}
resource "aws_sagemaker_endpoint" "e" {
  name                 = "tf-endpoint"
  endpoint_config_name = aws_sagemaker_endpoint_configuration.c.name
  tags                 = { project = "musher" }
}
resource "aws_sagemaker_model_package_group" "g" {
  model_package_group_name        = "tf-group"
  model_package_group_description = "d"
}
resource "aws_sns_topic" "t" {
  name = "tf-topic"
  tags = { a = "b" }
}
resource "aws_sqs_queue" "q" {
  name                       = "tf-queue"
  visibility_timeout_seconds = 60
}
resource "aws_cloudwatch_metric_alarm" "a" {
  alarm_name          = "tf-alarm"
  alarm_description   = "d"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 2
  datapoints_to_alarm = 1
  metric_name         = "Invocation5XXErrors"
  namespace           = "AWS/SageMaker"
  period              = 60
  statistic           = "Sum"
  threshold           = var.threshold
  treat_missing_data  = "notBreaching"
  dimensions          = { EndpointName = aws_sagemaker_endpoint.e.name, VariantName = "AllTraffic" }
  alarm_actions       = [aws_sns_topic.t.arn]
  tags                = { project = "musher" }
}
resource "aws_appautoscaling_target" "t" {
  min_capacity       = 1
  max_capacity       = var.max_capacity
  resource_id        = "endpoint/${aws_sagemaker_endpoint.e.name}/variant/AllTraffic"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  service_namespace  = "sagemaker"
}
resource "aws_appautoscaling_policy" "p" {
  name               = "tf-policy"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.t.resource_id
  scalable_dimension = aws_appautoscaling_target.t.scalable_dimension
  service_namespace  = aws_appautoscaling_target.t.service_namespace
  target_tracking_scaling_policy_configuration {
    target_value       = 50
    scale_in_cooldown  = 30
    scale_out_cooldown = 30
    predefined_metric_specification { predefined_metric_type = "SageMakerVariantInvocationsPerInstance" }
  }
}
resource "aws_ecr_repository" "r" {
  name = "tf-repo"
}
resource "aws_ssm_parameter" "p" {
  name  = "/tf/p"
  type  = "String"
  value = "v"
}

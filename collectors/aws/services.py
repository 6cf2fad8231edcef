"""Services of AWS: the name people know by its code, and one category for each name. Pure."""

from __future__ import annotations

_TABLE = """
AmazonEC2|Amazon Elastic Compute Cloud|Compute|Virtual Machines
AmazonECS|Amazon Elastic Container Service|Compute|Containers
AmazonEKS|Amazon Elastic Container Service for Kubernetes|Compute|Containers
AmazonECR|Amazon EC2 Container Registry (ECR)|Compute|Containers
AWSLambda|AWS Lambda|Compute|Serverless Compute
AmazonLightsail|Amazon Lightsail|Compute|Virtual Machines
AWSBatch|AWS Batch|Compute|*
AWSAppRunner|AWS App Runner|Compute|Containers
AWSOutposts|AWS Outposts|Compute|*
ComputeSavingsPlans|Savings Plans for AWS Compute usage|Compute|*
MachineLearningSavingsPlans|Savings Plans for AWS Machine Learning|AI and Machine Learning|*
DatabaseSavingsPlans|Savings Plans for AWS Databases|Databases|*
AmazonS3|Amazon Simple Storage Service|Storage|Object Storage
AmazonS3GlacierDeepArchive|Amazon S3 Glacier Deep Archive|Storage|Object Storage
AmazonGlacier|Amazon Glacier|Storage|Object Storage
AmazonEFS|Amazon Elastic File System|Storage|File Storage
AmazonFSx|Amazon FSx|Storage|File Storage
AWSBackup|AWS Backup|Storage|Backup Storage
AWSStorageGateway|AWS Storage Gateway|Storage|*
AmazonRDS|Amazon Relational Database Service|Databases|Relational Databases
AmazonDynamoDB|Amazon DynamoDB|Databases|NoSQL Databases
AmazonElastiCache|Amazon ElastiCache|Databases|Caching
AmazonMemoryDB|Amazon MemoryDB|Databases|Caching
AmazonDocDB|Amazon DocumentDB (with MongoDB compatibility)|Databases|NoSQL Databases
AmazonNeptune|Amazon Neptune|Databases|NoSQL Databases
AmazonMCS|Amazon Keyspaces (for Apache Cassandra)|Databases|NoSQL Databases
AmazonTimestream|Amazon Timestream|Databases|Time Series Databases
AmazonRedshift|Amazon Redshift|Analytics|Data Warehouses
AmazonAthena|Amazon Athena|Analytics|Analytics Platforms
AWSGlue|AWS Glue|Analytics|Data Processing
ElasticMapReduce|Amazon Elastic MapReduce|Analytics|Data Processing
AmazonKinesis|Amazon Kinesis|Analytics|Streaming Analytics
AmazonKinesisFirehose|Amazon Kinesis Firehose|Analytics|Streaming Analytics
AmazonKinesisAnalytics|Amazon Kinesis Analytics|Analytics|Streaming Analytics
AmazonMSK|Amazon Managed Streaming for Apache Kafka|Analytics|Streaming Analytics
AmazonES|Amazon OpenSearch Service|Analytics|Search
AmazonQuickSight|Amazon QuickSight|Analytics|Business Intelligence
AWSLakeFormation|AWS Lake Formation|Analytics|*
AWSDataTransfer|AWS Data Transfer|Networking|Network Infrastructure
AmazonCloudFront|Amazon CloudFront|Networking|Content Delivery
AmazonVPC|Amazon Virtual Private Cloud|Networking|Network Infrastructure
AmazonRoute53|Amazon Route 53|Networking|Network Routing
AWSELB|Elastic Load Balancing|Networking|Network Routing
AWSDirectConnect|AWS Direct Connect|Networking|Network Connectivity
AWSGlobalAccelerator|AWS Global Accelerator|Networking|Network Routing
AWSTransitGateway|AWS Transit Gateway|Networking|Network Infrastructure
AmazonApiGateway|Amazon API Gateway|Integration|API Management
AWSQueueService|Amazon Simple Queue Service|Integration|Messaging
AmazonSNS|Amazon Simple Notification Service|Integration|Messaging
AmazonMQ|Amazon MQ|Integration|Messaging
AWSEvents|CloudWatch Events|Integration|Messaging
AmazonStates|AWS Step Functions|Integration|Workflow Orchestration
AmazonSES|Amazon Simple Email Service|Business Applications|Productivity and Collaboration
AmazonWorkMail|Amazon WorkMail|Business Applications|Productivity and Collaboration
AmazonWorkSpaces|Amazon WorkSpaces|Business Applications|Productivity and Collaboration
AmazonConnect|Amazon Connect|Business Applications|*
AmazonCloudWatch|AmazonCloudWatch|Management and Governance|Observability
AWSCloudTrail|AWS CloudTrail|Management and Governance|Observability
AWSConfig|AWS Config|Management and Governance|Compliance
AWSSystemsManager|AWS Systems Manager|Management and Governance|Endpoint Management
AWSCostExplorer|AWS Cost Explorer|Management and Governance|Cost Management
AWSXRay|AWS X-Ray|Management and Governance|Observability
AWSSupportBusiness|AWS Support (Business)|Management and Governance|Support
AWSSupportDeveloper|AWS Support (Developer)|Management and Governance|Support
AWSSupportEnterprise|AWS Support (Enterprise)|Management and Governance|Support
AWSEnterpriseOnRamp|AWS Support (Enterprise On-Ramp)|Management and Governance|Support
AmazonGuardDuty|Amazon GuardDuty|Security|Threat Detection and Response
AmazonInspectorV2|Amazon Inspector|Security|Vulnerability Management
AmazonMacie|Amazon Macie|Security|*
awskms|AWS Key Management Service|Security|*
AWSSecretsManager|AWS Secrets Manager|Security|Secret Management
AWSSecurityHub|AWS Security Hub|Security|Security Posture Management
awswaf|AWS WAF|Security|*
AWSShield|AWS Shield|Security|*
AWSNetworkFirewall|AWS Network Firewall|Security|*
AWSCertificateManager|AWS Certificate Manager|Security|*
AmazonCognito|Amazon Cognito|Identity|Identity and Access Management
AWSDirectoryService|AWS Directory Service|Identity|Identity and Access Management
AmazonBedrock|Amazon Bedrock|AI and Machine Learning|Generative AI
AmazonBedrockFoundationModels|Amazon Bedrock Foundation Models|AI and Machine Learning|Generative AI
AmazonBedrockAgentCore|Amazon Bedrock AgentCore|AI and Machine Learning|Generative AI
AmazonQ|Amazon Q|AI and Machine Learning|Generative AI
AmazonSageMaker|Amazon SageMaker|AI and Machine Learning|AI Platforms
AmazonRekognition|Amazon Rekognition|AI and Machine Learning|*
AmazonTextract|Amazon Textract|AI and Machine Learning|*
AmazonPolly|Amazon Polly|AI and Machine Learning|*
transcribe|Amazon Transcribe|AI and Machine Learning|*
translate|Amazon Translate|AI and Machine Learning|*
comprehend|Amazon Comprehend|AI and Machine Learning|*
AmazonLex|Amazon Lex|AI and Machine Learning|*
AmazonKendra|Amazon Kendra|AI and Machine Learning|*
CodeBuild|CodeBuild|Developer Tools|Developer Platforms
AWSCodeCommit|AWS CodeCommit|Developer Tools|Developer Platforms
AWSCodePipeline|AWS CodePipeline|Developer Tools|Continuous Integration and Deployment
AWSCodeArtifact|AWS CodeArtifact|Developer Tools|Developer Platforms
AWSAmplify|AWS Amplify|Web|Web Apps
AWSIoT|AWS IoT|Internet of Things|IoT Platforms
AWSElementalMediaConvert|AWS Elemental MediaConvert|Media|Media Streaming
AWSElementalMediaLive|AWS Elemental MediaLive|Media|Media Streaming
AWSDatabaseMigrationSvc|AWS Database Migration Service|Migration|Data Migration
AWSDataSync|AWS DataSync|Migration|Data Migration
AmazonPinpoint|Amazon Pinpoint|Mobile|*
OCBPremiumSupport|AWS Support (Premium)|Management and Governance|Support
"""

# A star is the rest of its category: `Other (Compute)`.
_ROWS = [line.split("|") for line in _TABLE.strip().splitlines()]
_NAME_OF = {code.lower(): name for code, name, _, _ in _ROWS}
_CATEGORY_OF = {
    name.lower(): (category, f"Other ({category})" if sub == "*" else sub) for _, name, category, sub in _ROWS
}
_WORDS = (
    ("bedrock", ("AI and Machine Learning", "Generative AI")),
    ("sagemaker", ("AI and Machine Learning", "AI Platforms")),
    ("support", ("Management and Governance", "Support")),
    ("savings plans", ("Compute", "Other (Compute)")),
    ("data transfer", ("Networking", "Network Infrastructure")),
    ("elastic compute cloud", ("Compute", "Virtual Machines")),
    ("simple storage", ("Storage", "Object Storage")),
    ("relational database", ("Databases", "Relational Databases")),
    ("opensearch", ("Analytics", "Search")),
    ("kubernetes", ("Compute", "Containers")),
)
_OTHER = ("Other", "Other (Other)")


def name_of(code: str) -> str:
    """Give the name of a service by its code; an unknown code is its own name."""
    return _NAME_OF.get(code.lower(), code)


def category_of(name: str) -> tuple[str, str]:
    """Give the ServiceCategory and ServiceSubcategory of a service, by its name alone.

    FOCUS wants one category per name, so neither region nor meter may have a say in it.
    """
    lowered = name.lower()
    if found := _CATEGORY_OF.get(lowered):
        return found[0], found[1]
    return next((pair for word, pair in _WORDS if word in lowered), _OTHER)

"""SageMaker Studio for data scientists, where the settings say so. Nothing else of an environment depends on it."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, CfnTag, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from assembly_line.names import ENVIRONMENT_TAG, PROJECT, aws_name
from stacks.constructs.access.permissions import Permission
from stacks.constructs.access.reasons import acknowledge_wildcards
from stacks.foundation import FoundationStack

# Whom SageMaker lets work in the app: the source identity of each session of the role.
PERSON = "${aws:SourceIdentity}"
# Of a space, in GiB: what a new one has, and what its owner may make of it. Storage is paid while the space exists.
STORAGE_GIB, MOST_STORAGE_GIB = 5, 50
HTTPS = 443
# What SageMaker's own apps of a space are called in place of an instance type.
SYSTEM = "system"
# Apps that do not shut down by themselves, and Code Editor, which has no notebook and needs a start of its own.
HIDDEN_APPS = ["Canvas", "CodeEditor", "JupyterServer", "KernelGateway", "RStudioServerPro", "TensorBoard"]
START = Path(__file__).parent / "constructs" / "studio_start.sh"
# How people may open their own profile, by how they sign in: the variable of IAM that carries their name.
OWN_NAME = {
    "iam_users": "${aws:username}",
    "identity_center": "${aws:PrincipalTag/userName}",
    "federation": "${aws:SourceIdentity}",
    "unverified": "*",
}


class StudioStack(Stack):
    """A domain with a profile for each person. Its apps may become the scientist under the person's name alone."""

    def __init__(self, scope: Construct, *, foundation: FoundationStack) -> None:
        deployment = foundation.deployment
        super().__init__(scope, deployment.stack_id("Studio"), env=deployment.place)
        self._foundation, self._settings, self._environment = foundation, deployment.settings, deployment.environment
        self._role = foundation.people.studio
        self._encrypt_volumes()
        self._domain = self._studio()
        for person in self._settings.studio_people:
            sagemaker.CfnUserProfile(
                self,
                f"Profile-{person}",
                domain_id=self._domain.attr_domain_id,
                user_profile_name=person,
                tags=self._tags(),
            )
        self._let_work_in_own_space()
        self._let_open()

    def _studio(self) -> sagemaker.CfnDomain:
        settings, group = self._settings, self._security_group()
        idle = sagemaker.CfnDomain.AppLifecycleManagementProperty(
            idle_settings=sagemaker.CfnDomain.IdleSettingsProperty(
                lifecycle_management="ENABLED",
                idle_timeout_in_minutes=settings.studio_idle_minutes,
                # Nobody sets it longer for themselves.
                max_idle_timeout_in_minutes=settings.studio_idle_minutes,
            )
        )
        types, start = settings.studio_instances, self._start()
        first = sagemaker.CfnDomain.ResourceSpecProperty(
            instance_type=types[0], lifecycle_config_arn=start.attr_studio_lifecycle_config_arn
        )
        repository = settings.studio_repository
        repositories = [sagemaker.CfnDomain.CodeRepositoryProperty(repository_url=repository)] if repository else None
        return sagemaker.CfnDomain(
            self,
            "Domain",
            domain_name=f"{PROJECT}-{aws_name(self._environment)}",
            auth_mode="IAM",
            vpc_id=settings.studio_vpc,
            subnet_ids=list(settings.studio_subnets),
            app_network_access_type="VpcOnly" if settings.studio_isolated else "PublicInternetOnly",
            # Each space has a volume of its own.
            home_efs_file_system_creation="Disabled",
            kms_key_id=self._foundation.key.key_id,
            domain_settings=sagemaker.CfnDomain.DomainSettingsProperty(
                execution_role_identity_config="USER_PROFILE_NAME",
                docker_settings=sagemaker.CfnDomain.DockerSettingsProperty(enable_docker_access="DISABLED"),
            ),
            default_user_settings=sagemaker.CfnDomain.UserSettingsProperty(
                execution_role=self._role.role_arn,
                auto_mount_home_efs="Disabled",
                security_groups=[group.attr_group_id],
                default_landing_uri="studio::",
                studio_web_portal="ENABLED",
                jupyter_lab_app_settings=sagemaker.CfnDomain.JupyterLabAppSettingsProperty(
                    app_lifecycle_management=idle,
                    code_repositories=repositories,
                    default_resource_spec=first,
                    lifecycle_config_arns=[start.attr_studio_lifecycle_config_arn],
                ),
                space_storage_settings=sagemaker.CfnDomain.DefaultSpaceStorageSettingsProperty(
                    default_ebs_storage_settings=sagemaker.CfnDomain.DefaultEbsStorageSettingsProperty(
                        default_ebs_volume_size_in_gb=STORAGE_GIB, maximum_ebs_volume_size_in_gb=MOST_STORAGE_GIB
                    )
                ),
                studio_web_portal_settings=sagemaker.CfnDomain.StudioWebPortalSettingsProperty(
                    hidden_app_types=HIDDEN_APPS
                ),
            ),
            tags=self._tags(),
        )

    def _start(self) -> sagemaker.CfnStudioLifecycleConfig:
        """What an app does first: it writes down how its owner becomes the scientist."""
        known = {"Scientist": self._foundation.people.scientist.role_arn, "Environment": self._environment}
        return sagemaker.CfnStudioLifecycleConfig(
            self,
            "Start",
            studio_lifecycle_config_name=f"{PROJECT}-{aws_name(self._environment)}",
            studio_lifecycle_config_app_type="JupyterLab",
            studio_lifecycle_config_content=Fn.base64(Fn.sub(START.read_text(encoding="utf-8"), known)),
        )

    def _security_group(self) -> ec2.CfnSecurityGroup:
        """The apps speak HTTPS to endpoints, and to each other; nothing from elsewhere reaches them."""
        group = ec2.CfnSecurityGroup(
            self,
            "Apps",
            group_description="Apps of SageMaker Studio",
            vpc_id=self._settings.studio_vpc,
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp",
                    from_port=HTTPS,
                    to_port=HTTPS,
                    cidr_ip="0.0.0.0/0",
                    description="HTTPS to the endpoints of AWS",
                )
            ],
        )
        ec2.CfnSecurityGroupIngress(
            self,
            "FromApps",
            group_id=group.attr_group_id,
            source_security_group_id=group.attr_group_id,
            ip_protocol="-1",
            description="Apps of one space with each other",
        )
        ec2.CfnSecurityGroupEgress(
            self,
            "ToApps",
            group_id=group.attr_group_id,
            destination_security_group_id=group.attr_group_id,
            ip_protocol="-1",
            description="Apps of one space with each other",
        )
        return group

    def _encrypt_volumes(self) -> None:
        """Spaces have volumes under the environment's key, for which SageMaker needs a grant in the apps' name."""
        volumes, key = Permission(self, "Volumes", self._role), self._foundation.key.key_arn
        volumes.allow(("kms:DescribeKey",), (key,))
        volumes.allow(("kms:CreateGrant",), (key,), conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}})

    def _let_work_in_own_space(self) -> None:
        """Studio's page makes and ends spaces and apps in the name of who sees it: private ones, of declared types."""
        own = Permission(self, "Spaces", self._role)
        domain = self._domain.attr_domain_id
        spaces, apps = (self._arn(kind, f"{domain}/*") for kind in ("space", "app"))
        mine = {
            "ArnEquals": {"sagemaker:OwnerUserProfileArn": self._arn("user-profile", f"{domain}/{PERSON}")},
            "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
        }
        types = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": [*self._settings.studio_instances, SYSTEM]}}
        named = "People name their spaces themselves, in this domain"
        making, ending = ("sagemaker:CreateSpace", "sagemaker:UpdateSpace"), ("sagemaker:DeleteSpace",)
        own.allow(making, (spaces,), because=named, conditions={**mine, **types})
        own.allow(ending, (spaces,), because=named, conditions=mine)
        own.allow(("sagemaker:CreateApp",), (apps,), because=named, conditions={**mine, **types})
        own.allow(("sagemaker:DeleteApp",), (apps,), because=named, conditions=mine)
        seen = (self._arn("domain", domain), self._arn("user-profile", f"{domain}/*"))
        own.allow(("sagemaker:DescribeDomain", "sagemaker:DescribeUserProfile"), seen, because=named)
        own.allow(("sagemaker:DescribeApp", "sagemaker:DescribeSpace"), (spaces, apps), because=named)
        listing = tuple(f"sagemaker:List{what}" for what in ("Apps", "Domains", "Spaces", "UserProfiles"))
        own.allow(listing, ("*",), because="SageMaker's listings know no resource")

    def _let_open(self) -> None:
        """A policy to attach to people: each opens the profile of their own name."""
        profile = self._arn("user-profile", f"{self._domain.attr_domain_id}/{OWN_NAME[self._settings.sign_in]}")
        policy = iam.ManagedPolicy(
            self, "Open", description=f"Open SageMaker Studio of the line in {self._environment}"
        )
        policy.add_statements(
            iam.PolicyStatement(actions=["sagemaker:CreatePresignedDomainUrl"], resources=[profile]),
        )
        if "*" in profile:
            acknowledge_wildcards(policy, (profile,), because="The setting sign_in says that names are not verified")
        CfnOutput(self, "OpenPolicy", value=policy.managed_policy_arn, description="Attach it to who may open Studio")

    def _arn(self, kind: str, name: str) -> str:
        return self.format_arn(service="sagemaker", resource=kind, resource_name=name)

    def _tags(self) -> list[CfnTag]:
        return [CfnTag(key=ENVIRONMENT_TAG, value=self._environment)]

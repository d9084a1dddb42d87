#!/bin/bash
# Runs when an app of Studio starts: its owner is the scientist from then on, in every program that asks for credentials.
# CloudFormation fills in what stands in braces.
set -eu

space() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$METADATA" "$1"; }

METADATA=/opt/ml/metadata/resource-metadata.json
# With the app's own credentials, whatever an earlier start wrote.
owner="$(AWS_CONFIG_FILE=/dev/null aws sagemaker describe-space --region ${AWS::Region} --domain-id "$(space DomainId)" \
    --space-name "$(space SpaceName)" --query OwnershipSettings.OwnerUserProfileName --output text)"

mkdir -p ~/.aws ~/.ipython/profile_default/startup
cat > ~/.aws/config <<END
[default]
region = ${AWS::Region}
role_arn = ${Scientist}
role_session_name = $owner
credential_source = EcsContainer
END
echo 'import os; os.environ["LINE_ENVIRONMENT"] = "${Environment}"' > ~/.ipython/profile_default/startup/10-line.py
grep -qs LINE_ENVIRONMENT ~/.bashrc || echo 'export LINE_ENVIRONMENT=${Environment}' >> ~/.bashrc

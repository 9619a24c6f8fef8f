#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#DAERO --job-name=broken --cpus=1 --memory=50M --limit=1m
# Fails on purpose.
echo "this is going wrong" >&2
exit 3

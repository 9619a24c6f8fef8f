#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#DAERO --job-name=report --cpus=0.5 --memory=50M --limit=1m
# Last of the chain.
[ "$(cat chain-model.txt)" = 12502500 ] || exit 9
echo "report: the model is 12502500"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#DAERO --job-name=prepare --cpus=1 --memory=100M --limit=1m
# First of a chain: writes the data that the next one reads.
seq 1 5000 >chain-data.txt
sleep 1
echo "wrote 5000 lines"

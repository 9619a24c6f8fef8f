#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#DAERO --job-name=train --accelerators=1 --cpus=1 --memory=100M --limit=1m --data-class=medical
# Second of the chain: starts only once the data is there.
[ "$(wc -l <chain-data.txt)" = 5000 ] || exit 9
awk '{ s += $1 } END { printf "%.0f\n", s }' chain-data.txt >chain-model.txt
sleep 2
echo "model $(cat chain-model.txt)"

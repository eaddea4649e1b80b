#!/bin/sh
# Makes the namespace TEMPORAL_NAMESPACE on TEMPORAL_ADDRESS, with closed workflows kept for
# RETENTION; one that exists gets that retention. Safe to repeat.
set -eu

namespace=$TEMPORAL_NAMESPACE
# The namespace is named by each command below; the client must not look for it before it exists.
unset TEMPORAL_NAMESPACE

attempts=30
until temporal operator cluster health >/dev/null 2>&1; do
    attempts=$((attempts - 1))
    if [ "$attempts" -eq 0 ]; then
        echo "Temporal at $TEMPORAL_ADDRESS does not serve" >&2
        exit 1
    fi
    sleep 2
done

if ! temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
    exec temporal operator namespace create --namespace "$namespace" --retention "$RETENTION" \
        --description "Loanflow: the life of credit"
fi
temporal operator namespace update --namespace "$namespace" --retention "$RETENTION"

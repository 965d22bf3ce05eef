// What a satellite's or node's status code means to the user (protocol notes 4.4 and 9.5).
#pragma once

#include <string>

#include "core/base/result.h"
#include "net/drpc/client_machine.h"

namespace sjcp::storj {

// Codes that this client acts on.
enum RpcCode : uint64_t {
  kRpcUnknown = 0,
  kRpcCanceled = 2,
  kRpcInvalidArgument = 3,
  kRpcDeadlineExceeded = 4,
  kRpcNotFound = 5,
  kRpcAlreadyExists = 6,
  kRpcPermissionDenied = 7,
  kRpcResourceExhausted = 8,
  kRpcFailedPrecondition = 9,
  kRpcAborted = 10,
  kRpcUnimplemented = 12,
  kRpcInternal = 13,
  kRpcUnavailable = 14,
  kRpcUnauthenticated = 16,
  kRpcMethodNotAllowed = 17,
  kRpcLockEndpointsDisabled = 10000,
  kRpcLockDisabledForProject = 10001,
  kRpcLockBucketState = 10002,
  kRpcLockBucketRetentionMissing = 10003,
  kRpcLockObjectRetentionMissing = 10004,
  kRpcLockProtected = 10005,
  kRpcLockObjectState = 10006,
  kRpcLockBucketRetention = 10007,
  kRpcLockExpiry = 10008,
  kRpcLockExpiryOfKey = 10009,
  kRpcLockExpiryAndDefault = 10010,
  kRpcLockExpiryOfKeyAndDefault = 10011,
  kRpcBucketNotFound = 10019,
  kRpcChecksumsUnsupported = 10027,
  // Nobody's code: kRpcResourceExhausted where the text says that the rate of requests is meant.
  kRpcTooManyRequests = 1000008,
};

// Says nothing of what the call was about.
Error satellite_error(const drpc::RpcError& error);

// A storage node's refusal; the caller adds the node's name.
Error node_error(const drpc::RpcError& error);

// True for the reply to a client that asks too often: nothing was done, and asking again later is right.
bool is_rate_limit(const drpc::RpcError& error);

}  // namespace sjcp::storj

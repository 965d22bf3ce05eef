#include "net/storj/status.h"

namespace sjcp::storj {
namespace {

Errc kind_of(uint64_t code) {
  switch (code) {
    case kRpcInvalidArgument:
    case kRpcLockBucketRetention:
      return Errc::kUsage;
    case kRpcNotFound:
    case kRpcMethodNotAllowed:
    case kRpcBucketNotFound:
    case kRpcLockBucketRetentionMissing:
    case kRpcLockObjectRetentionMissing:
      return Errc::kNotFound;
    case kRpcAlreadyExists:
    case kRpcFailedPrecondition:
    case kRpcAborted:
    case kRpcLockBucketState:
    case kRpcLockProtected:
    case kRpcLockObjectState:
    case kRpcLockExpiry:
    case kRpcLockExpiryOfKey:
    case kRpcLockExpiryAndDefault:
    case kRpcLockExpiryOfKeyAndDefault:
      return Errc::kConflict;
    case kRpcPermissionDenied:
    case kRpcUnauthenticated:
      return Errc::kDenied;
    case kRpcResourceExhausted:
      return Errc::kLimited;
    case kRpcCanceled:  // the peer's doing: nobody here was interrupted
    case kRpcDeadlineExceeded:
    case kRpcInternal:
    case kRpcUnavailable:
      return Errc::kNetwork;
    case kRpcUnimplemented:
    case kRpcChecksumsUnsupported:
    case kRpcLockEndpointsDisabled:
    case kRpcLockDisabledForProject:
      return Errc::kUnsupported;
    default:
      return Errc::kProtocol;
  }
}

Fault fault_of(const drpc::RpcError& error) {
  if (is_rate_limit(error)) return Fault::kBusy;
  switch (error.code) {
    case kRpcUnavailable:
      return Fault::kUnavailable;
    case kRpcCanceled:
    case kRpcDeadlineExceeded:
    case kRpcInternal:
      return Fault::kServerError;
    default:
      return Fault::kNone;
  }
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Texts come from a peer: keep them on one line.
std::string one_line(const std::string& text) {
  std::string out = text.substr(0, 400);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return out;
}

std::string advice(const drpc::RpcError& error) {
  const std::string& text = error.text;
  switch (error.code) {
    case kRpcNotFound:
      if (text.starts_with("bucket not found")) return "bucket not found";
      if (text.starts_with("object not found")) return "object not found";
      return one_line(text);
    case kRpcBucketNotFound:
      return "bucket not found";
    case kRpcMethodNotAllowed:
      return "the object is a delete marker";
    case kRpcLockProtected:
      return "the object is locked: it can neither be replaced nor removed before its time (" +
             one_line(text) + ")";
    case kRpcLockExpiry:
    case kRpcLockExpiryAndDefault:
      return "the bucket locks its objects for a time, so they cannot expire; leave out --expires (" +
             one_line(text) + ")";
    case kRpcLockExpiryOfKey:
    case kRpcLockExpiryOfKeyAndDefault:
      return "the bucket locks its objects for a time, and those of this grant expire; use another grant (" +
             one_line(text) + ")";
    case kRpcPermissionDenied:
    case kRpcUnauthenticated:
      return "access denied: the grant does not allow this, has expired or was revoked (" + one_line(text) +
             ")";
    case kRpcResourceExhausted:
      if (ends_with(text, "Too Many Requests"))
        return "the satellite limits the rate of requests; try again later";
      if (ends_with(text, "Exceeded Usage Limit")) return "the project's bandwidth limit is used up";
      if (text.find("Exceeded Storage Limit") != std::string::npos)
        return "the project's storage limit is used up";
      if (text.find("Exceeded Segments Limit") != std::string::npos)
        return "the project's segment limit is used up";
      return one_line(text);
    case kRpcUnavailable:
      return "the satellite is not available (" + one_line(text) + ")";
    case kRpcCanceled:
    case kRpcDeadlineExceeded:
    case kRpcInternal:
      return "the satellite failed at it (" + one_line(text) + ")";
    default:
      return one_line(text);
  }
}

}  // namespace

Error satellite_error(const drpc::RpcError& error) {
  const uint64_t cause = is_rate_limit(error) ? uint64_t{kRpcTooManyRequests} : error.code;
  return make_error(kind_of(error.code), advice(error), static_cast<int>(cause), fault_of(error));
}

Error node_error(const drpc::RpcError& error) {
  // Whatever a node refuses, other nodes may grant: the segment decides, so all of it is one kind.
  return make_error(Errc::kNetwork, one_line(error.text), static_cast<int>(error.code));
}

bool is_rate_limit(const drpc::RpcError& error) {
  return error.code == kRpcResourceExhausted && ends_with(error.text, "Too Many Requests");
}

}  // namespace sjcp::storj

#include "tests/network/node_calls.h"

#include "tests/network/piece_streams.h"
#include "tests/network/unknown_call.h"

namespace sjcp::network {
namespace {

Pace pace_of(const NodeFaults& faults) {
  return {faults.bytes_per_second, faults.stall_after};
}

class UploadCall : public Call {
 public:
  explicit UploadCall(PieceNode& node) : node_(node), stream_(node), pace_(pace_of(node.faults().get())) {}

  void on_message(ByteView whole, drpc::ServerMachine& out) override {
    if (ended_) return;
    if (auto end = stream_.on_message(whole)) finish(std::move(*end), out);
  }
  void on_close_send(drpc::ServerMachine& out) override {
    if (!ended_) finish(stream_.on_close_send(), out);
  }
  uint64_t progress() const override { return stream_.received(); }
  bool receives() const override { return true; }
  Pace pace() const override { return pace_; }

 private:
  void finish(UploadStream::End end, drpc::ServerMachine& out) {
    ended_ = true;
    if (const auto* failed = std::get_if<RpcFailure>(&end)) {
      ++node_.counters().rejected;
      out.error(failed->code, failed->text);
      return;
    }
    out.message(std::get<std::string>(end));
    out.close_send();
  }

  PieceNode& node_;
  UploadStream stream_;
  const Pace pace_;
  bool ended_ = false;
};

class DownloadCall : public Call {
 public:
  explicit DownloadCall(PieceNode& node) : node_(node), stream_(node), pace_(pace_of(node.faults().get())) {}

  void on_message(ByteView whole, drpc::ServerMachine& out) override {
    if (auto failed = stream_.on_message(whole)) {
      ++node_.counters().rejected;
      out.error(failed->code, failed->text);
    }
  }
  // A client that sends no more gets no more.
  void on_close_send(drpc::ServerMachine& out) override { out.close_send(); }

  bool pump(drpc::ServerMachine& out, uint64_t max_bytes) override {
    const auto next = stream_.next(max_bytes);
    if (!next) {
      if (stream_.cut_short()) out.close();
      return false;
    }
    out.message({ByteView(next->header), next->data});
    return true;
  }
  uint64_t progress() const override { return stream_.sent(); }
  Pace pace() const override { return pace_; }

 private:
  PieceNode& node_;
  DownloadStream stream_;
  const Pace pace_;
};

}  // namespace

std::unique_ptr<Call> NodeService::open(std::string_view rpc) {
  const NodeFaults faults = node_.faults().get();
  if (faults.status) return std::make_unique<FailedCall>(*faults.status);
  if (rpc == "/piecestore.Piecestore/Upload") return std::make_unique<UploadCall>(node_);
  if (rpc == "/piecestore.Piecestore/Download") return std::make_unique<DownloadCall>(node_);
  return unknown_call(rpc);
}

}  // namespace sjcp::network

#include "net/storj/piece_upload.h"

#include "net/storj/order_signing.h"
#include "net/storj/status.h"

namespace sjcp::storj {
namespace {

constexpr std::string_view kUploadRpc = "/piecestore.Piecestore/Upload";
constexpr auto kMaxHashAge = std::chrono::hours(24);
constexpr size_t kMaxReply = 64 << 10;

// PieceUploadRequest.chunk (field 3) with offset and length, up to where the data begins: spares one copy of
// it.
std::string chunk_prefix(uint64_t offset, size_t size) {
  auto varint = [](std::string& out, uint64_t value) {
    while (value >= 0x80) {
      out.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out.push_back(static_cast<char>(value));
  };
  std::string inner;
  if (offset != 0) {
    inner.push_back(0x08);
    varint(inner, offset);
  }
  inner.push_back(0x12);
  varint(inner, size);
  std::string out;
  out.push_back(0x1a);
  varint(out, inner.size() + size);
  return out + inner;
}

}  // namespace

PieceUpload::PieceUpload(const pb::OrderLimit& limit, const crypto::Ed25519Key& key, uint64_t piece_size,
                         bool separate_limit)
    : limit_(limit), key_(key), piece_size_(piece_size), separate_limit_(separate_limit) {}

void PieceUpload::start(drpc::ClientMachine& machine) {
  machine.invoke(kUploadRpc);
  if (!separate_limit_) return;
  pb::PieceUploadRequest first;
  *first.mutable_limit() = limit_;
  first.set_hash_algorithm(kHashAlgorithm);
  machine.message(ByteView(first.SerializeAsString()));
}

void PieceUpload::send(drpc::ClientMachine& machine, size_t size, const std::function<void(ByteSpan)>& fill) {
  const ByteSpan data = machine.message(ByteView(chunk_head(size)), size);
  fill(data);
  hasher_.update(data);
  sent_ += size;
  if (left() == 0) send_hash(machine);
}

// What stands before the chunk's data in its message.  Protobuf lets fields come in any order: limit, order
// and algorithm, then the chunk.
std::string PieceUpload::chunk_head(size_t size) const {
  if (sent_ > 0) return chunk_prefix(sent_, size);
  pb::PieceUploadRequest head;
  if (!separate_limit_) {
    *head.mutable_limit() = limit_;
    head.set_hash_algorithm(kHashAlgorithm);
  }
  *head.mutable_order() = make_order(limit_, static_cast<int64_t>(piece_size_), key_);
  return head.SerializeAsString() + chunk_prefix(0, size);
}

void PieceUpload::send_hash(drpc::ClientMachine& machine) {
  const auto digest = hasher_.finish();
  hash_.assign(digest.begin(), digest.end());
  pb::PieceUploadRequest last;
  *last.mutable_done() = make_piece_hash(limit_, hash_, static_cast<int64_t>(piece_size_), key_);
  machine.message(ByteView(last.SerializeAsString()));
  machine.close_send();
}

Status PieceUpload::receive(drpc::ClientMachine& machine, ByteView input) {
  if (auto status = machine.receive(input, *this); !status) return status;
  if (failure_) return *failure_;
  return {};
}

Status PieceUpload::on_message_data(ByteView data, bool last) {
  if (reply_.size() + data.size() > kMaxReply)
    return make_error(Errc::kProtocol, "node's answer is too long");
  reply_.append(data.text());
  if (!last) return {};
  pb::PieceUploadResponse response;
  if (!response.ParseFromString(reply_)) return make_error(Errc::kProtocol, "node's answer is malformed");
  reply_.clear();
  response_ = std::move(response);
  return {};
}

void PieceUpload::on_end() {
  if (!response_ && !failure_)
    failure_ = make_error(Errc::kNetwork, "node ended the stream without an answer");
}

void PieceUpload::on_error(drpc::RpcError error) {
  failure_ = node_error(error);
}

Status PieceUpload::verify(io::PeerChains& chains, const std::shared_ptr<const io::PeerIdentity>& peer,
                           Clock::Wall now) const {
  auto wrong = [](const char* what) {
    return make_error(Errc::kIntegrity, std::string("node's receipt ") + what);
  };
  std::shared_ptr<const io::PeerIdentity> signer = peer;
  if (const std::string& sent_chain = response_->node_certchain(); !sent_chain.empty()) {
    auto chain = chains.from_chain_der(sent_chain);
    if (!chain) return std::move(chain).error();
    signer = *chain;
  }
  auto id = access::NodeId::from_bytes(limit_.storage_node_id());
  if (!signer || !id || signer->id() != *id) return wrong("is signed by another node");
  const pb::PieceHash& done = response_->done();
  if (done.piece_id() != limit_.piece_id()) return wrong("is for another piece");
  if (done.hash_algorithm() != kHashAlgorithm) return wrong("uses another hash algorithm");
  if (done.hash() != hash_) return wrong("has another hash: the piece was damaged on its way");
  if (done.piece_size() != static_cast<int64_t>(piece_size_)) return wrong("has another size");
  Clock::Wall stamp{std::chrono::seconds(done.timestamp().seconds())};
  if (now - stamp > kMaxHashAge) return wrong("is too old: its clock is wrong");
  if (!signer->verify_signature(signing_bytes(done), done.signature())) return wrong("has a wrong signature");
  return {};
}

}  // namespace sjcp::storj

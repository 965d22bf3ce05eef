#include "core/segment/segment_decoder.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <functional>
#include <optional>

#include "core/segment/block_opener.h"
#include "core/segment/buffer.h"

namespace sjcp::segment {
namespace {

// A batch is decoded into staging and opened from there while it is in the cache.  Smaller ones would only
// multiply the work per batch: output leaves in larger runs anyway.
constexpr uint64_t kMinBatchBytes = 64 * 1024;
constexpr uint64_t kMaxBatchBytes = 128 * 1024;
constexpr uint64_t kMinRingStripes = 4;
constexpr uint32_t kMaxEncryptedBlock = 4u << 20;
constexpr uint64_t kTableMemory = 512 * 1024;  // erasure::Decoder's cache

using ShareSet = std::bitset<256>;

struct Piece {
  Buffer ring;
  uint64_t taken = 0;
  bool in_play = false;
};

ByteRange wanted_range(const SegmentDecoder::Options& options) {
  const uint64_t end = std::min(options.range.end, options.plain_size);
  return {std::min(options.range.begin, end), end};
}

// How much is held and how much is done at once.
struct Sizes {
  ReadPlan plan;
  uint64_t stripes = 0;
  uint64_t ring_stripes = 0;
  uint64_t min_batch = 0;  // stripes
  uint64_t max_batch = 0;

  explicit Sizes(const SegmentDecoder::Options& options)
      : plan(plan_read(wanted_range(options), options.encrypted_size, options.rs, options.layout)),
        stripes(plan.stripes.size()) {
    const uint64_t stripe = options.rs.stripe_size();
    ring_stripes = std::max<uint64_t>(options.ring_bytes / options.rs.share_size, kMinRingStripes);
    ring_stripes = std::clamp<uint64_t>(stripes, 1, ring_stripes);
    min_batch = std::clamp<uint64_t>(kMinBatchBytes / stripe, 1, std::max<uint64_t>(ring_stripes / 4, 1));
    max_batch = std::clamp<uint64_t>(kMaxBatchBytes / stripe, min_batch, ring_stripes);
  }

  BlockOpener::Options opener(const SegmentDecoder::Options& options) const {
    const uint64_t stripe = options.rs.stripe_size();
    return {.layout = options.layout,
            .encrypted_size = options.encrypted_size,
            .blocks = plan.blocks,
            .plain = wanted_range(options),
            .stream_begin = plan.stripes.begin * stripe,
            .batch_bytes = max_batch * stripe,
            .output_bytes = std::max<size_t>(options.output_bytes, 1)};
  }
};

// nullopt: the numbers that the satellite gave fit together.
std::optional<Error> check(const erasure::Code& code, const SegmentDecoder::Options& options) {
  const auto bad = [](const char* what) {
    return make_error(Errc::kProtocol, std::string("segment cannot be read: ") + what);
  };
  const BlockLayout& layout = options.layout;
  const Redundancy& rs = options.rs;
  if (!rs.valid() || rs.required != code.k() || rs.total != code.n()) return bad("bad redundancy scheme");
  if (layout.cipher != crypto::CipherSuite::kNull && layout.cipher != crypto::CipherSuite::kAesGcm &&
      layout.cipher != crypto::CipherSuite::kSecretBox) {
    return bad("unknown content cipher");
  }
  if (layout.encrypted_block <= crypto::kTagSize || layout.encrypted_block > kMaxEncryptedBlock) {
    return bad("bad encryption block size");
  }
  if (layout.cipher == crypto::CipherSuite::kNull) {
    if (options.plain_size > options.encrypted_size) return bad("plain size above stored size");
    return std::nullopt;
  }
  if (options.encrypted_size % layout.encrypted_block != 0)
    return bad("size is not a multiple of its blocks");
  if (options.plain_size > options.encrypted_size / layout.encrypted_block * layout.plain_block()) {
    return bad("plain size above stored size");
  }
  return std::nullopt;
}

std::vector<unsigned> numbers_of(const ShareSet& set) {
  std::vector<unsigned> numbers;
  for (unsigned i = 0; i < set.size(); ++i) {
    if (set.test(i)) numbers.push_back(i);
  }
  return numbers;
}

}  // namespace

struct SegmentDecoder::State {
  State(std::shared_ptr<const erasure::Code> the_code, Options the_options, Output output)
      : code(std::move(the_code)), options(std::move(the_options)), decoder(*code), pieces(code->n()) {
    error = check(*code, options);
    if (error) return;
    sizes.emplace(options);
    if (sizes->stripes != 0) {
      opener.emplace(sizes->opener(options), options.key, segment_nonce(options.position), std::move(output));
    }
  }

  uint64_t piece_bytes() const { return sizes ? sizes->plan.piece.size() : 0; }
  uint64_t ring_bytes() const { return sizes->ring_stripes * options.rs.share_size; }
  uint64_t consumed() const { return next * options.rs.share_size; }
  // Bytes that a piece holds ahead of the common position.
  uint64_t lead(unsigned number) const {
    const uint64_t taken = pieces[number].taken;
    return taken > consumed() ? taken - consumed() : 0;
  }
  bool in_play(const std::vector<unsigned>& numbers) const {
    return std::ranges::all_of(numbers, [&](unsigned number) { return pieces[number].in_play; });
  }
  uint8_t* at_position(unsigned number) const {
    return pieces[number].ring.get() + consumed() % ring_bytes();
  }

  uint64_t prepare();
  void choose(uint64_t run);
  Status correct(uint64_t run);
  Status decode(uint64_t run);
  void drop_wrong_pieces();
  void remove(unsigned number);

  std::shared_ptr<const erasure::Code> code;
  Options options;
  std::optional<Sizes> sizes;  // nothing when the options do not fit together
  erasure::Decoder decoder;
  std::optional<BlockOpener> opener;  // nothing when there is nothing to read
  std::vector<Piece> pieces;          // by number
  std::vector<unsigned> playing;      // numbers of the pieces in play, ascending
  std::vector<Buffer> spare_rings;
  uint64_t next = 0;          // stripes decoded
  std::vector<unsigned> set;  // shares in use, ascending
  ShareSet carried_shares;    // that made the block which is not whole yet
  ShareSet suspected;
  ShareSet wrong;
  std::optional<Error> error;
};

// Chooses how many stripes to decode now, and from which shares; 0: wait.
//
// A changed set costs new tables, and in a live race the k pieces that happen to lead change with every read.
// So the set in use may lag the k best by a quarter of a ring before it is replaced, except at the end of the
// range.
uint64_t SegmentDecoder::State::prepare() {
  const size_t waited_for = options.correct_errors ? playing.size() : code->k();
  if (playing.size() < code->k()) return 0;
  std::array<uint64_t, 256> leads;
  std::ranges::transform(playing, leads.begin(), [&](unsigned number) { return lead(number); });
  const auto end = leads.begin() + static_cast<std::ptrdiff_t>(playing.size());
  const auto slowest = leads.begin() + static_cast<std::ptrdiff_t>(waited_for) - 1;
  std::nth_element(leads.begin(), slowest, end, std::greater<>());
  const uint64_t ready = *slowest / options.rs.share_size;

  const uint64_t remaining = sizes->stripes - next;
  // The first block says whether pieces can correct each other at all, its stripes before it even: each is
  // looked at as soon as the slowest piece has brought it.
  const bool first_block = next * options.rs.stripe_size() <= options.layout.encrypted_block;
  const uint64_t least_batch = options.correct_errors && first_block ? 1 : sizes->min_batch;
  const uint64_t enough = std::min(least_batch, remaining);
  // A batch ends where the rings wrap, so that it is contiguous in each of them.
  const uint64_t limit =
      std::min({remaining, sizes->ring_stripes - next % sizes->ring_stripes, sizes->max_batch});
  const bool reconsider = next % sizes->ring_stripes == 0;
  if (!options.correct_errors && !set.empty() && !reconsider && in_play(set)) {
    uint64_t least = ring_bytes();
    for (unsigned number : set) least = std::min(least, lead(number));
    const uint64_t ready_in_set = least / options.rs.share_size;
    if (ready_in_set >= enough) return std::min(ready_in_set, limit);
    if (ready < std::min(sizes->ring_stripes / 4, remaining)) return 0;
  }
  if (ready < enough) return 0;
  const uint64_t run = std::min(ready, limit);
  if (run != 0) choose(run);
  return run;
}

// Picks k pieces that hold `run` stripes.  Members of the set are preferred, then data shares, which need no
// arithmetic; where the rings wrap, data shares come first, so that those which have caught up replace
// parity.
void SegmentDecoder::State::choose(uint64_t run) {
  const bool reconsider = next % sizes->ring_stripes == 0;
  std::vector<unsigned> candidates;
  std::ranges::copy_if(playing, std::back_inserter(candidates),
                       [&](unsigned number) { return lead(number) >= run * options.rs.share_size; });
  const auto rank = [&](unsigned number) {
    const bool parity = number >= code->k();
    const bool change = !std::ranges::binary_search(set, number);
    return reconsider ? std::pair(parity, change) : std::pair(change, parity);
  };
  std::ranges::stable_sort(candidates, {}, rank);
  candidates.resize(code->k());
  std::ranges::sort(candidates);
  set = std::move(candidates);
  decoder.use(set);
}

Status SegmentDecoder::State::correct(uint64_t run) {
  std::vector<uint8_t*> shares;
  for (unsigned number : playing) shares.push_back(at_position(number));
  const erasure::Correction result = erasure::correct(*code, playing, shares, run * options.rs.share_size);
  if (!result.ok) {
    for (unsigned number : playing) suspected.set(number);
    return make_error(Errc::kIntegrity, "too many pieces hold wrong data: they cannot be corrected");
  }
  for (unsigned number : result.wrong) wrong.set(number);
  return {};
}

Status SegmentDecoder::State::decode(uint64_t run) {
  std::array<const uint8_t*, 256> shares;
  for (size_t i = 0; i < set.size(); ++i) shares[i] = at_position(set[i]);
  decoder.decode(shares.data(), options.rs.share_size, run, opener->space());
  next += run;
  const bool carried = opener->carries();
  ShareSet used;
  for (unsigned number : set) used.set(number);
  const Status status = opener->accept(run * options.rs.stripe_size());
  const bool same_block = carried && opener->opened() == 0;
  carried_shares = same_block ? carried_shares | used : used;
  if (!status && status.error().code == Errc::kIntegrity) suspected = carried_shares;
  return status;
}

// Pieces known to be wrong are not waited for any longer, as long as the others can still correct each other.
void SegmentDecoder::State::drop_wrong_pieces() {
  for (unsigned number = 0; number < pieces.size() && playing.size() > code->k() + 2; ++number) {
    if (wrong.test(number)) remove(number);
  }
}

void SegmentDecoder::State::remove(unsigned number) {
  Piece& piece = pieces[number];
  if (!piece.in_play) return;
  piece.in_play = false;
  if (piece.ring) spare_rings.push_back(std::move(piece.ring));
  std::erase(playing, number);
}

SegmentDecoder::SegmentDecoder(std::shared_ptr<const erasure::Code> code, Options options, Output output)
    : state_(std::make_unique<State>(std::move(code), std::move(options), std::move(output))) {}
SegmentDecoder::~SegmentDecoder() = default;

ByteRange SegmentDecoder::piece_range() const {
  return state_->sizes ? state_->sizes->plan.piece : ByteRange{};
}

void SegmentDecoder::add(unsigned number, uint64_t from) {
  State& s = *state_;
  Piece& piece = s.pieces[number];
  piece.taken = from;
  piece.in_play = true;
  if (!s.spare_rings.empty()) {
    piece.ring = std::move(s.spare_rings.back());
    s.spare_rings.pop_back();
  } else if (s.sizes) {
    piece.ring = make_buffer(s.ring_bytes());
  }
  s.playing.insert(std::ranges::lower_bound(s.playing, number), number);
}

void SegmentDecoder::remove(unsigned number) {
  state_->remove(number);
}
bool SegmentDecoder::in_play(unsigned number) const {
  return state_->pieces[number].in_play;
}

size_t SegmentDecoder::room(unsigned number) const {
  const State& s = *state_;
  const Piece& piece = s.pieces[number];
  if (!piece.in_play || !s.sizes) return 0;
  return std::min(s.piece_bytes(), s.consumed() + s.ring_bytes()) - piece.taken;
}

void SegmentDecoder::feed(unsigned number, ByteView data) {
  State& s = *state_;
  Piece& piece = s.pieces[number];
  if (piece.taken < s.consumed()) {
    const size_t skipped = std::min<uint64_t>(s.consumed() - piece.taken, data.size());
    piece.taken += skipped;
    data = data.sub(skipped);
  }
  while (!data.empty()) {
    const uint64_t at = piece.taken % s.ring_bytes();
    const size_t size = std::min<uint64_t>(data.size(), s.ring_bytes() - at);
    std::memcpy(piece.ring.get() + at, data.data(), size);
    piece.taken += size;
    data = data.sub(size);
  }
}

uint64_t SegmentDecoder::taken(unsigned number) const {
  return state_->pieces[number].taken;
}
bool SegmentDecoder::complete(unsigned number) const {
  return taken(number) == state_->piece_bytes();
}

Result<bool> SegmentDecoder::advance() {
  State& s = *state_;
  if (s.error) return *s.error;
  while (s.next < s.sizes->stripes) {
    const uint64_t run = s.prepare();
    if (run == 0) return false;
    Status status = s.options.correct_errors ? s.correct(run) : Status();
    if (status) status = s.decode(run);
    if (!status) {
      s.error = status.error();
      return *s.error;
    }
    if (s.options.correct_errors) s.drop_wrong_pieces();
  }
  return true;
}

uint64_t SegmentDecoder::consumed() const {
  return state_->sizes ? state_->consumed() : 0;
}

Status SegmentDecoder::flush() {
  State& s = *state_;
  if (s.error || !s.opener) return {};
  Status status = s.opener->flush();
  if (!status) s.error = status.error();
  return status;
}

uint64_t SegmentDecoder::written() const {
  return state_->opener ? state_->opener->written() : 0;
}
std::vector<unsigned> SegmentDecoder::suspects() const {
  return numbers_of(state_->suspected);
}
std::vector<unsigned> SegmentDecoder::wrong_pieces() const {
  return numbers_of(state_->wrong);
}

uint64_t SegmentDecoder::memory(const Options& options, unsigned pieces) {
  if (!options.rs.valid() || options.layout.encrypted_block <= crypto::kTagSize) return 0;
  const Sizes sizes(options);
  return pieces * buffer_size(sizes.ring_stripes * options.rs.share_size) +
         BlockOpener::memory(sizes.opener(options)) + kTableMemory;
}

}  // namespace sjcp::segment

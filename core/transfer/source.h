// A remote object that can be read by segments, several at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/transfer/content.h"
#include "core/transfer/context.h"
#include "core/transfer/digest.h"
#include "core/transfer/range.h"
#include "core/transfer/range_set.h"

namespace sjcp::transfer {

struct ObjectInfo {
  std::string name;   // as the user knows it, for messages: "sj://bucket/key"
  uint64_t size = 0;  // of the whole object, plain bytes; kUnknownSize: it shows at the end
  ByteRange range;    // what was asked for, resolved; {0, kUnknownSize} when the size is unknown
  std::chrono::system_clock::time_point created;
  std::string version;  // opaque; equal versions hold equal bytes; empty: nobody can tell
  std::map<std::string, std::string> metadata;
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> expires;
  std::string file_name;        // that the server suggests: one safe path component; empty: none
  std::vector<Digest> digests;  // of the whole object, as the server promises; to be verified

  bool sized() const { return size != kUnknownSize; }
};

// A natural unit of fetching, in plain bytes of the object, already cut to the range asked for.
struct Segment {
  size_t index = 0;  // position in the source's list
  ByteRange bytes;
};

// Takes the plaintext of a fetch.  `offset` counts from the start of the object.  May block: that is how a
// slow disk holds a transfer back.  Called by the thread that runs fetch(), in ascending order within one
// fetch.
class Output {
 public:
  virtual ~Output() = default;
  virtual Status write(uint64_t offset, ByteView data) = 0;
  // Divisible sources: bytes up to this offset have come and will be written, in larger blocks.  Called for
  // what the network brings at a time; write() says it, too.
  virtual void arrived(uint64_t offset) { static_cast<void>(offset); }
  // Bytes from here on are not wanted any more.  May go down while a divisible source fetches, from another
  // thread, down to what has arrived: then the fetch writes that and ends well at once.  To be looked at
  // after each write and ten times a second while nothing comes.
  virtual uint64_t end() const { return UINT64_MAX; }
};

// Threads: open() once; then the rest from any number of threads.
class Source {
 public:
  virtual ~Source() = default;

  // Finds the object and pins its version.
  virtual Result<ObjectInfo> open(const RangeRequest& range, const Context& context) = 0;

  // In order, without gaps, covering exactly the resolved range; empty for an empty object.  Of an object of
  // unknown size: one, {0, kUnknownSize}, whose fetch() writes as much as there is.
  virtual const std::vector<Segment>& segments() const = 0;

  // True: there are no natural units.  fetch() takes any part of the range, heeds Output::end(), and the
  // engine divides the range among as many fetches as pay (range_plan.h).  segments() is then the whole
  // range.
  virtual bool divisible() const { return false; }

  // Divisible sources: fetches wait for each other, so that the range is not to be divided any further, and
  // nobody is slow for waiting.  May become true while there are fetches.
  virtual bool one_at_a_time() const { return false; }

  // False: the bytes before a part come, too, whatever part is fetched.
  virtual bool seekable() const { return true; }

  // These will be fetched soon, in this order, and nobody waits for them yet: a chance to ask for ahead what
  // each takes a question of its own.  Returns at once.  Called now and then, with overlaps.
  virtual void expect(std::span<const Segment> next) { (void)next; }

  // Bytes of memory that one fetch() holds at most.
  virtual uint64_t memory_per_segment() const = 0;

  // Fetches segment.bytes and writes it out, verified, in ascending order.  Retries by itself what can
  // be retried; the error that remains is final.  Blocks until done or stopped.
  virtual Status fetch(const Segment& segment, Output& output, const Context& context) = 0;

  // The rest is for sources that have the bytes from more than one place.

  // After all fetches: the whole turned out to be wrong.  Fetches a part again, from elsewhere, and writes it
  // in any order.  False: there is nothing else to try.  Called until the whole is right.
  virtual Result<bool> repair(Output& output, const Context& context) {
    static_cast<void>(output), static_cast<void>(context);
    return false;
  }
  // After repair(): now it is right.
  virtual void repaired() {}

  // After all fetches: this part turned out to be wrong.  Fetches it again from a place that has not served
  // it yet, and writes it.  False: there is none.
  virtual Result<bool> refetch(const ByteRange& wrong, Output& output, const Context& context) {
    static_cast<void>(wrong), static_cast<void>(output), static_cast<void>(context);
    return false;
  }
  // After refetch(): now it is right.  changed: which bytes the last one has changed.
  virtual void refetched(const ByteRange& right, const RangeSet& changed) {
    static_cast<void>(right), static_cast<void>(changed);
  }
};

}  // namespace sjcp::transfer

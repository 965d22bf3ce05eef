// The gate of uploads: how many segments of an object, or parts, are on their way at once, by what more of
// them bring.
#pragma once

#include <memory>

#include "core/transfer/context.h"
#include "core/transfer/segment_gate.h"

namespace sjcp::transfer {

// parts: each travels over one connection of its own; false: segments, whose pieces go to many nodes.
// counters: of the uploads that pass the gate, and of nothing else; must outlive it.  most: never more in
// flight.  in_turn: segments are filled from a stream, so one more than otherwise is always let in.
std::unique_ptr<SegmentGate> make_upload_gate(bool parts, Counters& counters,
                                              unsigned most = SegmentWindow::Options().most,
                                              bool in_turn = false);

}  // namespace sjcp::transfer

// The sink that fits a path: "-" is stdout, an existing device or named pipe is written as a stream, anything
// else is a file.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/local/file_sink.h"

namespace sjcp::local {

// Whether the path is an existing device or named pipe.
bool is_stream(const std::string& path);

// Opens streams; files only at begin().  kLocalIo when a stream cannot be opened.  Where a key chose the
// name, no link leads to a stream.
Result<std::unique_ptr<transfer::Sink>> open_sink(const Place& place, const FileSinkOptions& options = {});

}  // namespace sjcp::local

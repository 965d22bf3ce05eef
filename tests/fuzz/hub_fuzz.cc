// What a model hub answers with, and repositories as people name them.
#include "net/hf/hub_file.h"
#include "net/hf/repo.h"
#include "tests/fuzz/head.h"

using namespace sjcp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ByteView(data, size).text();
  if (const auto files = hf::parse_tree(text, "hf://o/n")) {
    for (const auto& file : *files) require(!file.path.empty());
  }
  if (const auto commit = hf::parse_commit(text, "hf://o/n")) require(hf::is_commit(*commit));

  const http::Head head = fuzz::head_of(text);
  (void)hf::next_page(head);
  (void)hf::described_file(head, "file", "hf://o/n/file");
  (void)hf::plain_etag(text);
  require(!hf::refused(head, {"hf://o/n", "o/n", "main", "https://host/o/n", true}).what.empty());

  require(hf::end_of_repo(text) == std::string_view::npos || hf::end_of_repo(text) <= size);
  if (const auto repo = hf::Repo::parse(text)) {
    const auto again = hf::Repo::parse(repo->text());
    require(again && *again == *repo);
    require(fuzz::is_safe_name(repo->folder_name()));
  }
  return 0;
}

#include "cli/nearest.h"

#include <algorithm>

namespace sjcp::cli {
namespace {

constexpr size_t kLongestWord = 64;
constexpr size_t kShortWord = 4;

// Steps from one word to the other, where two neighbours that are swapped are one step.
size_t steps_between(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& known) {
  if (typed.empty() || typed.size() > kLongestWord) return "";
  size_t least = typed.size() <= kShortWord ? 1 : 2;
  std::string best;
  bool only = false;
  for (const std::string& word : known) {
    const size_t steps = steps_between(typed, word);
    // A word of one letter is near to every other.
    if (steps > least || steps >= std::max(typed.size(), word.size())) continue;
    only = best.empty() || steps < least;
    if (only) best = word;
    least = steps;
  }
  return only ? best : "";
}

std::string suggestion(std::string_view typed, const std::vector<std::string>& known) {
  const std::string word = nearest(typed, known);
  return word.empty() ? "" : "; did you mean " + word + "?";
}

}  // namespace sjcp::cli

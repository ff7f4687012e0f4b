#include "client/plain_output.h"

#include <algorithm>
#include <iostream>
#include <streambuf>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "report/text.h"

namespace kvmtest::client {
namespace {

/// Standard output's own, from before main() on.
std::streambuf* const own_output = std::cout.rdbuf();

/// The length of the sequence that chooses a look (SGR) at the beginning of `text`; 0: there is none.
std::size_t look(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

/// Bytes at the end that may be the beginning of a character of UTF-8.
std::size_t unfinished(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? back : 0;
  }
  return 0;
}

std::string plain(std::string_view text, bool looks) {
  std::string out;
  while (!text.empty()) {
    const std::size_t escape = looks ? text.find('\x1b') : std::string_view::npos;
    out += report::escaped_lines(text.substr(0, escape));
    text.remove_prefix(std::min(escape, text.size()));
    if (text.empty()) break;
    const std::size_t length = look(text);
    out += length != 0 ? std::string(text.substr(0, length)) : report::escaped(text.substr(0, 1));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

/// Any thread.
class PlainOutput::Filter : public std::streambuf {
 public:
  Filter(std::ostream& stream, bool looks) : stream_(stream), looks_(looks), to_(stream.rdbuf(this)) {}
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() override {
    {
      const base::Lock lock(mutex_);
      write_out(true);
      waiting_ = plain(waiting_, looks_);  // no whole character
      to_->sputn(waiting_.data(), static_cast<std::streamsize>(waiting_.size()));
    }
    stream_.rdbuf(to_);
  }

 protected:
  int overflow(int c) override {
    const char byte = traits_type::to_char_type(c);
    return traits_type::eq_int_type(c, traits_type::eof()) || xsputn(&byte, 1) == 1 ? traits_type::not_eof(c)
                                                                                    : traits_type::eof();
  }
  std::streamsize xsputn(const char* bytes, std::streamsize size) override {
    const base::Lock lock(mutex_);
    waiting_.append(bytes, static_cast<std::size_t>(size));
    return write_out(false) ? size : 0;
  }
  int sync() override {
    const base::Lock lock(mutex_);
    return write_out(true) && to_->pubsync() == 0 ? 0 : -1;
  }

 private:
  /// Whole lines, or all but what is no whole character yet.
  bool write_out(bool all) REQUIRES(mutex_) {
    const std::size_t lines = waiting_.rfind('\n') + 1;
    const std::size_t size = all ? waiting_.size() - unfinished(waiting_) : lines;
    if (size == 0) return true;
    const std::string text = plain(std::string_view(waiting_).substr(0, size), looks_);
    waiting_.erase(0, size);
    return to_->sputn(text.data(), static_cast<std::streamsize>(text.size())) ==
           static_cast<std::streamsize>(text.size());
  }

  std::ostream& stream_;
  const bool looks_;
  std::streambuf* const to_;
  base::Mutex mutex_;
  std::string waiting_ GUARDED_BY(mutex_);
};

PlainOutput::PlainOutput()
    : output_(std::make_unique<Filter>(std::cout, true)), errors_(std::make_unique<Filter>(std::cerr, false)) {}

PlainOutput::~PlainOutput() = default;

std::ostream& raw_output() {
  static std::ostream raw(own_output);
  std::cout.flush();
  return raw;
}

}  // namespace kvmtest::client

#include "wire/record_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include "wire/record_fields.h"

namespace kvmtest::wire {
namespace {

using core::record::Body;
using core::record::Outcome;
using core::record::Record;
using nlohmann::json;

[[noreturn]] void malformed(const std::string& name, const char* expected) {
  throw std::runtime_error(fmt::format("malformed record: \"{}\" is not {}", name, expected));
}

// Values to JSON. Lists of structs and structs with lists refer to each other: declared ahead.

template <class T>
concept Struct = std::is_aggregate_v<T> && requires(const T& value) {
  fields(value, [](const char*, const auto&) {});
};

template <class T>
json encode(const std::vector<T>& values);
template <class T>
void decode(const json& from, std::vector<T>& values, const std::string& name);

template <class T>
requires std::is_arithmetic_v<T> json encode(T value) { return value; }
json encode(const std::string& value) { return value; }
json encode(core::Duration value) { return core::seconds(value); }
json encode(core::Verdict value) { return std::string(to_string(value)); }
json encode(std::optional<core::Verdict> value) { return value ? encode(*value) : json(nullptr); }
json encode(Outcome value) { return std::string(to_string(value)); }
template <class Tag, class Value>
json encode(const core::Id<Tag, Value>& id) {
  return encode(id.value);
}
template <Struct T>
json encode(const T& value) {
  json object = json::object();
  fields(value, [&](const char* name, const auto& member) { object[name] = encode(member); });
  return object;
}
template <class T>
json encode(const std::vector<T>& values) {
  json array = json::array();
  for (const T& value : values) array.push_back(encode(value));
  return array;
}

// And back. `name` is for the message.

template <std::integral T>
void decode(const json& from, T& value, const std::string& name) {
  // is_number_integer is true of unsigned numbers too.
  if (!from.is_number_integer()) malformed(name, "a whole number");
  const bool fits = from.is_number_unsigned() ? std::in_range<T>(from.get<std::uint64_t>())
                                              : std::in_range<T>(from.get<std::int64_t>());
  if (!fits) malformed(name, "a number in range");
  value = from.get<T>();
}
void decode(const json& from, bool& value, const std::string& name) {
  if (!from.is_boolean()) malformed(name, "true or false");
  value = from.get<bool>();
}
void decode(const json& from, double& value, const std::string& name) {
  // JSON has no word for a number that is not finite: it is written as null.
  if (from.is_null()) {
    value = std::nan("");
    return;
  }
  if (!from.is_number()) malformed(name, "a number");
  value = from.get<double>();
}
void decode(const json& from, std::string& value, const std::string& name) {
  if (!from.is_string()) malformed(name, "a string");
  value = from.get<std::string>();
}
void decode(const json& from, core::Duration& value, const std::string& name) {
  if (!from.is_number()) malformed(name, "a duration in seconds");
  const double microseconds = std::round(from.get<double>() * 1e6);
  // 2^53: beyond it a double does not hold every microsecond (285 years).
  if (!(std::abs(microseconds) < 9007199254740992.0)) malformed(name, "a duration in range");
  value = core::Duration(static_cast<core::Duration::rep>(microseconds));
}
void decode(const json& from, core::Verdict& value, const std::string& name) {
  const auto verdict = from.is_string() ? core::verdict_from(from.get_ref<const std::string&>()) : std::nullopt;
  if (!verdict) malformed(name, "a verdict");
  value = *verdict;
}
void decode(const json& from, std::optional<core::Verdict>& value, const std::string& name) {
  value.reset();
  if (!from.is_null()) decode(from, value.emplace(), name);
}
void decode(const json& from, Outcome& value, const std::string& name) {
  for (const Outcome outcome : {Outcome::completed, Outcome::stopped, Outcome::infrastructure}) {
    if (from == to_string(outcome)) {
      value = outcome;
      return;
    }
  }
  malformed(name, "an outcome");
}
template <class Tag, class Value>
void decode(const json& from, core::Id<Tag, Value>& id, const std::string& name) {
  decode(from, id.value, name);
}
template <Struct T>
void decode(const json& from, T& value, const std::string& name) {
  if (!from.is_object()) malformed(name, "an object");
  fields(value, [&](const char* field, auto& member) {
    if (const auto found = from.find(field); found != from.end()) decode(*found, member, field);
  });
}
template <class T>
void decode(const json& from, std::vector<T>& values, const std::string& name) {
  if (!from.is_array()) malformed(name, "an array");
  values.clear();
  for (const json& element : from) decode(element, values.emplace_back(), name);
}

/// The alternative of that kind, read from `json`; tries them in turn.
template <std::size_t index = 0>
Body body_of_kind(std::string_view kind, const json& from) {
  if constexpr (index < std::variant_size_v<Body>) {
    using Alternative = std::variant_alternative_t<index, Body>;
    if (kind != kind_of<Alternative>) return body_of_kind<index + 1>(kind, from);
    Alternative body;
    decode(from, body, std::string(kind));
    return body;
  } else {
    throw std::runtime_error(fmt::format("malformed record: unknown kind {}", dump(std::string(kind))));
  }
}

const json& member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) malformed(name, "there");
  return *found;
}

/// The character that `text` begins with and its length, if a terminal might act on it as it stands in a string of
/// JSON; else 0 and what may be passed over. DEL, C1, separators of lines, changes of direction, and what is no
/// character.
std::pair<unsigned, std::size_t> acted_upon(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  if (byte(0) == 0x7f) return {0x7f, 1};
  if (byte(0) < 0xc2) return {0, 1};
  if (byte(0) == 0xc2 && byte(1) < 0xa0) return {byte(1), 2};
  if (byte(0) == 0xd8 && byte(1) == 0x9c) return {0x61c, 2};
  const unsigned code = (byte(0) & 0xfU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
  const bool separates = code == 0x2028 || code == 0x2029;
  const bool turns =
      code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  const bool none = code == 0xfffe || code == 0xffff;
  if ((byte(0) & 0xf0U) == 0xe0 && (separates || turns || none)) return {code, 3};
  return {0, 1};
}

}  // namespace

std::string_view kind(const Body& body) {
  return std::visit([]<class T>(const T&) { return kind_of<T>; }, body);
}

json body_to_json(const Body& body) {
  return std::visit([](const auto& alternative) { return encode(alternative); }, body);
}

Body body_from(std::string_view kind, const json& from) { return body_of_kind(kind, from); }

json to_json(const Record& record) {
  json object = body_to_json(record.body);
  object["run"] = record.run;
  object["sequence"] = record.sequence;
  object["time"] = iso8601(record.time);
  object["kind"] = std::string(kind(record.body));
  return object;
}

Record record_from(const json& from) {
  if (!from.is_object()) malformed("record", "an object");
  Record record;
  std::string word;
  std::string time;
  decode(member(from, "run"), record.run, "run");
  decode(member(from, "sequence"), record.sequence, "sequence");
  decode(member(from, "time"), time, "time");
  decode(member(from, "kind"), word, "kind");
  record.time = wall_time_from(time);
  record.body = body_from(word, from);
  return record;
}

json to_json(const std::vector<core::Issue>& issues) { return encode(issues); }
json to_json(const std::vector<core::Point>& points) { return encode(points); }
json to_json(const std::vector<core::record::HostUse>& use) { return encode(use); }

std::string dump(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, length] = acted_upon(std::string_view(text).substr(at));
    if (code != 0) {
      out.append(text, copied, at - copied);
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(code));
      copied = at + length;
    }
    at += length;
  }
  return copied == 0 ? text : out.append(text, copied);
}

std::string iso8601(core::WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

core::WallTime wall_time_from(std::string_view text) {
  const auto fail = [&] {
    throw std::runtime_error(fmt::format("{} is not a time like 2026-01-31T23:59:59.000001Z", dump(std::string(text))));
  };
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  if (text.size() != form.size()) fail();
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd' ? !digit : text[i] != form[i]) fail();
  }
  const auto number = [&](std::size_t at, std::size_t length) {
    unsigned value = 0;
    std::from_chars(text.data() + at, text.data() + at + length, value);
    return value;
  };
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(number(0, 4))),
                                         std::chrono::month(number(5, 2)), std::chrono::day(number(8, 2)));
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 59) fail();
  return std::chrono::sys_days(date) + std::chrono::hours(number(11, 2)) + std::chrono::minutes(number(14, 2)) +
         std::chrono::seconds(number(17, 2)) + core::Duration(number(20, 6));
}

}  // namespace kvmtest::wire

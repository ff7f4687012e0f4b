#include "suite/shelf.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace kvmtest::suite {
namespace {

using nlohmann::json;

// Each thing is an array of its members, named by a structured binding: one that is added is missed here by the
// compiler.

json limit_json(const std::optional<std::chrono::milliseconds>& limit) { return limit ? json(limit->count()) : json(); }
std::optional<std::chrono::milliseconds> limit_from(const json& value) {
  if (value.is_null()) return std::nullopt;
  return std::chrono::milliseconds(value.get<std::int64_t>());
}

json steps_json(const std::vector<Step>& steps) {
  json out = json::array();
  for (const Step& step : steps) {
    const auto& [host, kind, name, command, limit, line, post_mortem, file] = step;
    out.push_back(
        json::array({host, static_cast<int>(kind), name, command, limit_json(limit), line, post_mortem, file}));
  }
  return out;
}
std::vector<Step> steps_from(const json& all) {
  std::vector<Step> steps;
  steps.reserve(all.size());
  for (const json& one : all)
    steps.push_back({one.at(0), static_cast<StepKind>(one.at(1).get<int>()), one.at(2), one.at(3),
                     limit_from(one.at(4)), one.at(5), one.at(6), one.at(7)});
  return steps;
}

json attributes_json(const std::vector<Attribute>& attributes) {
  json out = json::array();
  for (const Attribute& attribute : attributes) {
    const auto& [name, values, wanted] = attribute;
    out.push_back(json::array({name, values, wanted}));
  }
  return out;
}
std::vector<Attribute> attributes_from(const json& all) {
  std::vector<Attribute> attributes;
  for (const json& one : all) attributes.push_back({one.at(0), one.at(1).get<std::vector<std::string>>(), one.at(2)});
  return attributes;
}

json program_json(const std::optional<Program>& program) {
  if (!program) return {};
  const auto& [command, directory] = *program;
  return json::array({command, directory.string()});
}
std::optional<Program> program_from(const json& value) {
  if (value.is_null()) return std::nullopt;
  return Program{value.at(0).get<std::vector<std::string>>(), value.at(1).get<std::string>()};
}

}  // namespace

std::string packed(const Test& test) {
  const auto& [name, path, title, hosts, attributes, tags, obstacle, limit, command_limit, kernel_warnings, preparation,
               steps, program] = test;
  const json all = json::array({name.string(), path.string(), title, hosts, attributes_json(attributes), tags, obstacle,
                                limit_json(limit), limit_json(command_limit),
                                kernel_warnings ? json(static_cast<int>(*kernel_warnings)) : json(),
                                steps_json(preparation), steps_json(steps), program_json(program)});
  std::string bytes;
  json::to_cbor(all, bytes);
  return bytes;
}

Test unpacked(std::string_view bytes) {
  const json all = json::from_cbor(bytes.begin(), bytes.end());
  Test test;
  test.name = all.at(0).get<std::string>();
  test.path = all.at(1).get<std::string>();
  test.title = all.at(2);
  test.hosts = all.at(3).get<std::vector<std::string>>();
  test.attributes = attributes_from(all.at(4));
  test.tags = all.at(5).get<std::vector<std::string>>();
  test.obstacle = all.at(6);
  test.limit = limit_from(all.at(7));
  test.command_limit = limit_from(all.at(8));
  if (!all.at(9).is_null()) test.kernel_warnings = static_cast<core::KernelWarnings>(all.at(9).get<int>());
  test.preparation = steps_from(all.at(10));
  test.steps = steps_from(all.at(11));
  test.program = program_from(all.at(12));
  return test;
}

LoadedTest put_away(LoadedTest loaded, const LoadContext& context) {
  if (!context.spool) return loaded;
  loaded.away = {context.spool->put(packed(loaded.test)), {}};
  if (loaded.judge) loaded.away->judge = loaded.judge->put_away(*context.spool);
  if (loaded.away->judge) loaded.judge.reset();
  Test& test = loaded.test;
  // Not = {}, which would keep the memory.
  test.preparation = std::vector<Step>();
  test.steps = std::vector<Step>();
  return loaded;
}

Shelf::Shelf(std::vector<LoadedTest> tests, std::shared_ptr<const base::Spool> spool, bool post_mortem)
    : spool_(std::move(spool)), post_mortem_(post_mortem) {
  entries_.reserve(tests.size());
  std::map<std::vector<std::string>, std::shared_ptr<const std::vector<std::string>>> groups;
  for (LoadedTest& test : tests) {
    auto& hosts = groups[test.test.hosts];
    if (!hosts) hosts = std::make_shared<const std::vector<std::string>>(test.test.hosts);
    Entry entry{
        test.test.name.string(), hosts, test.test.program.has_value(), test.own_output, test.judge, {}, nullptr};
    if (!test.test.obstacle.empty()) obstacles_[entries_.size()] = test.test.obstacle;
    if (test.away)
      entry.away = *test.away;
    else
      entry.whole = std::make_shared<const LoadedTest>(std::move(test));
    entries_.push_back(std::move(entry));
  }
}

std::shared_ptr<const LoadedTest> Shelf::get(std::size_t index) const {
  const Entry& entry = entries_.at(index);
  if (entry.whole && post_mortem_) return entry.whole;
  LoadedTest test;
  if (entry.whole) {
    test = *entry.whole;
  } else {
    test = {unpacked(spool_->get(entry.away.test)), entry.judge, entry.own_output};
    if (const auto& judge = entry.away.judge) test.judge = judge->made(test.test, spool_->get(judge->place));
  }
  if (!post_mortem_) std::erase_if(test.test.steps, [](const Step& step) { return step.post_mortem; });
  return std::make_shared<const LoadedTest>(std::move(test));
}

}  // namespace kvmtest::suite

// Requests to a daemon that starts.

#include "api/gate.h"

#include <future>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kvmtest::api {
namespace {

/// Keeps its answer.
class Asked final : public Exchange {
 public:
  void respond(unsigned answered_with, const nlohmann::json& answer) override {
    status = answered_with;
    body = answer;
  }
  void text(std::string_view, std::string_view) override {}
  void start_lines() override {}
  bool line(std::string_view) override { return true; }
  void upgrade() override {}
  std::string read() override { return {}; }
  void stop_reading() override {}
  bool hand_over(int) override { return true; }
  bool write(std::string_view) override { return true; }

  unsigned status = 0;
  nlohmann::json body;
};

struct Client {
  Client(Gate& gate, Request request)
      : answered(std::async(std::launch::async, [handler = gate.handler(), request = std::move(request), this] {
          handler(request, exchange);
        })) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Asked exchange;
  std::future<void> answered;
};

const Request status{"GET", "/v1/status", {}, ""};
const Request at_once{"GET", "/v1/status", {{"at_once", "1"}}, ""};
const Request stop{"POST", "/v1/stop", {}, "{}"};

void answer(const Request& request, Exchange& exchange) { exchange.respond(200, {{"served", request.path}}); }

TEST(GateTest, WhoAsksAtOnceIsToldThatItStarts) {
  Gate gate(4711, "/a/state");
  Asked asked;
  gate.handler()(at_once, asked);
  EXPECT_EQ(asked.status, 200U);
  EXPECT_EQ(asked.body.at("starting"), true);
  EXPECT_EQ(asked.body.at("state_dir"), "/a/state");
  gate.open(answer);
  gate.handler()(at_once, asked);
  EXPECT_EQ(asked.body, nlohmann::json({{"served", "/v1/status"}}));
}

TEST(GateTest, AllOthersWaitUntilItServes) {
  Gate gate(4711, "/a/state");
  Client first(gate, status);
  Client second(gate, stop);
  gate.open(answer);
  first.answered.get();
  second.answered.get();
  EXPECT_EQ(first.exchange.body, nlohmann::json({{"served", "/v1/status"}}));
  EXPECT_EQ(second.exchange.body, nlohmann::json({{"served", "/v1/stop"}}));
}

TEST(GateTest, WhoeverWaitedForAStartThatFailedIsToldWhy) {
  Gate gate(4711, "/a/state");
  Client waiting(gate, status);
  gate.refuse(409, "busy", "there is no libvirt");
  Client late(gate, at_once);
  waiting.answered.get();
  late.answered.get();
  for (const Client* client : {&waiting, &late}) {
    EXPECT_EQ(client->exchange.status, 409U);
    EXPECT_EQ(client->exchange.body, nlohmann::json({{"error", "there is no libvirt"}, {"kind", "busy"}}));
  }
}

}  // namespace
}  // namespace kvmtest::api

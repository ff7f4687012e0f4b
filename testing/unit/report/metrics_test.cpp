#include "report/metrics.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace kvmtest::report {
namespace {

using std::chrono::seconds;

Metrics example() {
  Metrics metrics;
  metrics.totals.completed = 3;
  metrics.totals.failed = 2;
  metrics.totals.loads = 40;
  metrics.last.emplace();
  metrics.last->run = core::RunId(7);
  metrics.last->counts.passed = 5;
  metrics.sample = core::record::Sample{.load = 1.5, .cpu_pressure = 0.25};
  metrics.sampled = core::WallTime(seconds(100));
  metrics.activity = Activity{.run = core::RunId(8), .tests = 9, .prefixes = {{"a.", "running"}, {"\"\\\n", "idle"}}};
  return metrics;
}

TEST(MetricsText, HasTotalsTheLastRunTheMachineAndTheDaemon) {
  const std::string text = metrics_text(example());
  for (const char* line :
       {"# TYPE kvmtest_runs_total counter\nkvmtest_runs_total{outcome=\"completed\"} 3\n",
        "\nkvmtest_tests_total{verdict=\"failed\"} 2\n", "\nkvmtest_resets_total{method=\"load\"} 40\n",
        "\nkvmtest_last_run_number 7\n", "\nkvmtest_last_run_tests{verdict=\"passed\"} 5\n", "\nkvmtest_load1 1.5\n",
        "\nkvmtest_pressure_ratio{resource=\"cpu\"} 0.25\n", "\nkvmtest_up 1\n", "\nkvmtest_run_tests 9\n",
        "\nkvmtest_prefix_running{prefix=\"a.\"} 1\n", "\nkvmtest_prefix_running{prefix=\"\\\"\\\\\\\\n\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST(MetricsText, WithoutRunsAndDaemonThereAreTotalsAlone) {
  const std::string text = metrics_text({});
  EXPECT_NE(text.find("kvmtest_runs_total{outcome=\"completed\"} 0\n"), std::string::npos);
  EXPECT_NE(text.find("kvmtest_up 0\n"), std::string::npos);
  EXPECT_EQ(text.find("last_run"), std::string::npos);
  EXPECT_EQ(text.find("pool"), std::string::npos);
}

TEST(MetricsText, IsWhatPrometheusReads) {
  if (std::system("command -v promtool >/dev/null") != 0) GTEST_SKIP() << "there is no promtool";
  std::string file = (std::filesystem::temp_directory_path() / "kvmtest-metrics-XXXXXX").string();
  close(mkstemp(file.data()));
  for (const Metrics& metrics : {example(), Metrics{}}) {
    std::ofstream(file) << metrics_text(metrics);
    EXPECT_EQ(std::system(("promtool check metrics <" + file).c_str()), 0);
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace kvmtest::report

// Delegate calls as the backends of executorch 1.5 make them: names and ids, units, metadata, order. The backends
// need hardware or an operating system that a test machine lacks; the calls to the tracer need neither. Durations
// are made up, and plausible. Each case names the source that the facts come from.
#include "harness.h"

#include <cstring>

namespace {

// MARK: Vulkan — backends/vulkan/runtime/VulkanBackend.cpp, VulkanBackend::execute;
// the dispatches' names: graph/ops/DispatchNode.cpp, DispatchNode::encode, and graph/Logging.cpp, make_operator_json.
//
// Phases by string id on the CPU's clock: ETVK_EXECUTE around ETVK_COPY_INPUTS, ETVK_RESIZE (only after a resize),
// ETVK_COMPUTE_GRAPH_EXECUTE and ETVK_COPY_OUTPUTS. Between the last two, one event per shader dispatch, logged
// after the fact: the query pool's time stamps in nanoseconds of the GPU's clock. The name is a JSON object,
// assembled without escaping. Only the staging copies before the first operator have no "operator".

struct Dispatch {
  const char* operator_json;  // empty: a staging copy
  const char* shader;
  int operator_id;
  uint64_t ticks;
};

const std::vector<Dispatch>& vulkan_dispatches() {
  static const char* conv =
      R"("name": "aten.convolution.default", "delegate_node_id": 3, "args": [{"type": "TENSOR", "value_ref": 0, "dtype": "float", "sizes": [1, 3, 224, 224], "storage": "TEXTURE_3D", "packed_dim": 2}, {"type": "TENSORREF", "value_ref": 1, "sizes": [32, 3, 3, 3], "dtype": "float"}, {"type": "INTLIST", "value_ref": 4, "values": [2, 2]}, {"type": "BOOL", "value_ref": 5, "value": 0}, {"type": "INT", "value_ref": 6, "value": 1}, {"type": "NONE", "value_ref": 7}, {"type": "TENSOR", "value_ref": 9, "dtype": "float", "sizes": [1, 32, 112, 112], "storage": "TEXTURE_3D", "packed_dim": 2}])";
  static const char* add =
      R"("name": "aten.add.Tensor", "delegate_node_id": 5, "args": [{"type": "TENSOR", "value_ref": 9, "dtype": "float", "sizes": [1, 32, 112, 112], "storage": "TEXTURE_3D", "packed_dim": 2}, {"type": "TENSOR", "value_ref": 9, "dtype": "float", "sizes": [1, 32, 112, 112], "storage": "TEXTURE_3D", "packed_dim": 2}, {"type": "DOUBLE", "value_ref": 10, "value": 1}, {"type": "TENSOR", "value_ref": 11, "dtype": "float", "sizes": [1, 32, 112, 112], "storage": "TEXTURE_3D", "packed_dim": 2}])";
  static const char* linear =
      R"("name": "aten.linear.default", "delegate_node_id": 8, "args": [{"type": "TENSOR", "value_ref": 12, "dtype": "float", "sizes": [1, 1280], "storage": "BUFFER", "packed_dim": 0}, {"type": "TENSORREF", "value_ref": 13, "sizes": [1000, 1280], "dtype": "float"}, {"type": "VALUELIST", "value_ref": 14, "values": [11, 12]}, {"type": "TENSOR", "value_ref": 16, "dtype": "float", "sizes": [1, 1000], "storage": "BUFFER", "packed_dim": 0}])";
  static const std::vector<Dispatch> list = {
      {"", "nchw_to_image_texture3d_float", 0, 61'000},
      {conv, "conv2d_float", 1, 412'000},
      {conv, "conv2d_clamp_float", 1, 8'300},  // two dispatches of one operator
      {add, "binary_add_texture3d_float", 2, 33'000},
      {linear, "linear_naive_buffer_float", 3, 187'000},
      {linear, "image_to_nchw_texture3d_float", 4, 21'000},  // the output's copy repeats the last operator's JSON
  };
  return list;
}

void vulkan() {
  Clock::start(71'000'000'000ull);
  uint64_t gpu_clock = 161'775'577'241ull * 52;  // another origin; 19.2 MHz ticks of 52.083 ns, counted as 52 (QueryPool.cpp)
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 6; ++run) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_permute_copy.out", 90'000);
      instruction(gen, 0, 1, "DELEGATE_CALL", [&] {
        delegate_phase(gen, "ETVK_EXECUTE", [&] {
          delegate_phase(gen, "ETVK_COPY_INPUTS", [] { spend(120'000); });
          if (run == 3) delegate_phase(gen, "ETVK_RESIZE", [] { spend(240'000); });
          delegate_phase(gen, "ETVK_COMPUTE_GRAPH_EXECUTE", [] { spend(790'000); });
          gpu_clock += 25'000'000ull / 52 * 52;
          int dispatch_id = 0;
          for (const auto& each : vulkan_dispatches()) {
            std::string name = "{";
            if (*each.operator_json) name += std::string("\"operator\": {") + each.operator_json + "}, ";
            name += std::string("\"kernel_name\": \"") + each.shader + "\", \"operator_id\": " +
                    std::to_string(each.operator_id) + ", \"dispatch_id\": " + std::to_string(dispatch_id++) + "}";
            uint64_t before = Clock::now;
            uint64_t took = spend(each.ticks) / 52 * 52;
            Clock::now = before;  // the GPU's time, not the CPU's
            rt::event_tracer_log_profiling_delegate(&gen, name.c_str(), -1, gpu_clock, gpu_clock + took);
            gpu_clock += took + 2 * 52;
          }
          delegate_phase(gen, "ETVK_COPY_OUTPUTS", [] { spend(15'000); });
        });
      });
      kernel(gen, 0, 2, "native_call__softmax.out", 7'000);
    });
  }
  save(gen, "delegate-vulkan");
}

// MARK: QNN — backends/qualcomm/runtime/backends/QnnProfiler.cpp, QnnProfile::ProfileData and get_event_unit.
//
// Once a call has run, every top-level event: start 0, end the value, so nothing lies on a time line. The name is
// the SDK's identifier with a unit appended: " (us)", " (bytes)", " (count)", and nothing for cycles. Under the one
// that counts the accelerator's cycles come the operators, by the SDK's own identifier, which may say "(cycles)".

void qnn_call(ETDumpGen& gen, bool detailed) {
  auto log = [&](const std::string& name, uint64_t value) {
    rt::event_tracer_log_profiling_delegate(&gen, name.c_str(), static_cast<rt::DebugHandle>(-1), 0, value);
  };
  auto about = [](uint64_t value) {
    uint64_t before = Clock::now, spent = spend(value);
    Clock::now = before;
    return spent;
  };
  log("Number of HVX threads used (count)", 4);
  log("RPC (execute) time (us)", about(2'310));
  log("QNN accelerator (execute) time (us)", about(2'104));
  log("Number of inferences (count)", 1);
  log("Accelerator (execute) time (us)", about(1'990));
  log("Accelerator (execute) time (cycles)", about(2'816'000));
  if (detailed) {
    log("Input OpId_2 (cycles)", about(18'400));
    log("aten_convolution_default_1:OpId_21 (cycles)", about(1'204'000));
    log("aten_relu_default_3:OpId_60 (cycles)", about(2'045));
    log("aten_add_tensor:OpId_61 (cycles)", about(10'271));
    log("aten_linear_default:OpId_70 (cycles)", 0);  // fused into a neighbour
    log("aten_hardtanh_default:OpId_72 (cycles)", about(9'799));
    log("Output OpId_3 (cycles)", about(6'120));
  }
  log("Memory written to DDR (bytes)", 602'112);
  log("QNN (execute) time (us)", about(2'640));
}

void qnn() {
  Clock::start(33'000'000'000ull, 52);
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 5; ++run) {
    execute(gen, [&] {
      instruction(gen, 0, 0, "DELEGATE_CALL", [&] {
        spend(2'800'000);
        qnn_call(gen, true);
      });
      kernel(gen, 0, 1, "native_call_view_copy.out", 14'000);
      instruction(gen, 0, 2, "DELEGATE_CALL", [&] {
        spend(2'700'000);
        qnn_call(gen, false);
      });
    });
  }
  save(gen, "delegate-qnn");
}

// MARK: Core ML — backends/apple/coreml/runtime/sdk/model_event_logger_impl.mm, log_profiling_infos;
// the metadata: sdk/ETCoreMLOperationProfilingInfo.mm, get_metadata; the times: sdk/ETCoreMLModelProfiler.mm,
// get_profiling_infos_for_paths; the names: compiler/coreml_preprocess.py, get_debug_symbol.
//
// The call is timed as a whole, and its time divided by the estimated cost of each operation: estimates, laid end to
// end in topological order from the start of the prediction, in nanoseconds. They are logged in the order of a
// dictionary, which is none and changes from run to run. Zero-length ones are left out. The metadata is JSON with
// slashes escaped, as NSJSONSerialization writes it.

struct Operation {
  const char* symbol;
  const char* operator_name;
  const char* preferred;
  const char* supported;
  double cost;
};

void coreml() {
  const std::vector<Operation> operations = {
      {"x_cast_fp16:cast", "ios18.cast", "CPU", "[\"CPU\",\"GPU\"]", 0.00001},
      {"op_12_cast_fp16:conv", "ios18.conv", "NE", "[\"NE\",\"CPU\",\"GPU\"]", 0.4123},
      {"input_3_cast_fp16:relu", "ios18.relu", "NE", "[\"NE\",\"CPU\",\"GPU\"]", 0.0312},
      {"op_20:linear", "ios18.linear", "GPU", "[\"CPU\",\"GPU\"]", 0.5},
      {"no_cost:identity", "identity", "CPU", "[\"CPU\"]", 0.0},  // start equals end: not logged
      {"blocks/0/äöü:reshape", "ios18.reshape", "NE", "[\"NE\",\"CPU\"]", 0.05},
  };
  const std::vector<std::vector<int>> orders = {{3, 1, 5, 0, 2}, {1, 3, 5, 0, 2}, {3, 1, 5, 0, 2}, {3, 1, 5, 0, 2}};
  Clock::start(912'000'000'000ull, 42);
  ETDumpGen gen;
  load(gen);
  for (const auto& order : orders) {
    execute(gen, [&] {
      instruction(gen, 0, 0, "DELEGATE_CALL", [&] {
        spend(30'000);
        uint64_t start = Clock::now, took = spend(740'000);
        std::vector<std::pair<uint64_t, uint64_t>> times;
        for (const auto& each : operations) {
          uint64_t end = start + static_cast<uint64_t>(static_cast<double>(took) * each.cost);
          times.push_back({start, end});
          start = end;
        }
        spend(9'000);
        for (int i : order) {
          const auto& each = operations[i];
          std::string output(each.symbol, strchr(each.symbol, ':'));
          std::string escaped;
          for (char c : output) escaped += c == '/' ? "\\/" : std::string(1, c);
          char cost[32];
          snprintf(cost, sizeof cost, "%.17g", each.cost);
          std::string metadata = std::string("{\"preferredComputeUnit\":\"") + each.preferred +
                                 "\",\"supportedComputeUnits\":" + each.supported + ",\"outputNames\":[\"" + escaped +
                                 "\"],\"estimatedCost\":" + cost + ",\"operatorName\":\"" + each.operator_name + "\"}";
          gen.log_profiling_delegate(each.symbol, -1, times[i].first, times[i].second, metadata.data(), metadata.size());
        }
      });
    });
  }
  save(gen, "delegate-coreml");
}

// MARK: VGF — backends/arm/runtime/VGFBackend.cpp, init and execute; VGFSetup.cpp, process_vgf, execute_vgf and
// read_timestamp_queries; the metadata: VGFNeuralStatistics.cpp, serialize_vgf_neural_statistics_collection.
//
// Phases by string id, live, on the CPU's clock, nested: at init (chain -1, instruction 0), and in each call. With
// neural statistics asked for, one event that took no time of its own carries a JSON document as its metadata.

std::string vgf_blob(const char* name, bool available, bool text, int size, const char* base64, const char* reason) {
  return std::string("\"") + name + "\":{\"available\":" + (available ? "true" : "false") +
         ",\"is_text\":" + (text ? "true" : "false") + ",\"vulkan_result\":" + (available ? "0" : "-3") +
         ",\"size\":" + std::to_string(size) + ",\"encoding\":\"base64\",\"reason\":\"" + reason + "\",\"data\":\"" +
         base64 + "\"}";
}

std::string vgf_statistics() {
  return "{\"schema\":\"executorch.vgf.neural_statistics\",\"schema_version\":1,\"backend\":\"VgfBackend\","
         "\"api\":\"VK_ARM_data_graph\",\"event_name\":\"VGF_NEURAL_STATISTICS\",\"api_available\":true,"
         "\"data_available\":true,\"available\":true,\"reason\":\"\",\"segments\":[{\"segment_id\":0,"
         "\"is_data_graph_pipeline\":true,\"statistics_bind_point_available\":true,"
         "\"statistics_memory_host_visible\":true,\"statistics_memory_host_coherent\":false,"
         "\"statistics_bind_point_reason\":\"\"," +
         vgf_blob("debug_database", true, true, 15, "eyJvcHMiOlsiYWRkIl19", "") + "," +
         vgf_blob("statistics_info", true, false, 4, "AAECAw==", "") + "," +
         vgf_blob("statistics_memory", false, false, 0, "", "not host visible") + "}]}";
}

void vgf() {
  Clock::start(15'000'000'000ull, 30);
  ETDumpGen gen;
  load(gen, [&] {
    delegate_phase(gen, "VGF_INIT_TOTAL", [&] {
      delegate_phase(gen, "VGF_INIT_ENSURE_INITIALIZED", [] { spend(4'000'000); });
      delegate_phase(gen, "VGF_INIT_ALLOCATE_REPR", [] { spend(900); });
      delegate_phase(gen, "VGF_INIT_PROCESS_VGF_BACKEND", [&] {
        delegate_phase(gen, "VGF_INIT_PROCESS_VGF", [&] {
          delegate_phase(gen, "VGF_INIT_DECODE_TABLES", [] { spend(12'000); });
          spend(310'000);
          for (const char* phase : {"VGF_INIT_ALLOCATE_COMMAND_BUFFER", "VGF_INIT_TIMESTAMP_QUERIES",
                                    "VGF_INIT_RECORD_COMMAND_BUFFER", "VGF_INIT_MAP_IO_MEMORY"}) {
            delegate_phase(gen, phase, [] { spend(21'000); });
          }
        });
      });
    });
  });
  for (int run = 0; run < 4; ++run) {
    execute(gen, [&] {
      instruction(gen, 0, 0, "DELEGATE_CALL", [&] {
        delegate_phase(gen, "VGF_EXECUTE", [&] {
          delegate_phase(gen, "VGF_COPY_INPUTS", [] { spend(64'000); });
          delegate_phase(gen, "VGF_DISPATCH_AND_WAIT", [&] {
            delegate_phase(gen, "VGF_QUEUE_SUBMIT_AND_WAIT_FENCE", [] { spend(1'450'000); });
            delegate_phase(gen, "VGF_TIMESTAMP_QUERY_READBACK", [] { spend(3'000); });
          });
          delegate_phase(gen, "VGF_NEURAL_STATISTICS", [] { spend(80'000); }, vgf_statistics());
          delegate_phase(gen, "VGF_COPY_OUTPUTS", [] { spend(9'000); });
        });
      });
    });
  }
  save(gen, "delegate-vgf");
}

// MARK: NXP Neutron — backends/nxp/runtime/NeutronBackend.cpp, NeutronBackend::execute.
//
// After the call: int ids 0, 1, … one for each operation that can be mapped back, from the accelerator's 32-bit
// profiling clock; the metadata is one byte, the function code. A start of 0 counts as not yet set. Operations that
// cannot be mapped add no event, but the next one begins at their start. Last comes the profiling dump itself, with
// the next id: its end is the accelerator's stop plus the CPU's ticks for the whole call, so it spans two clocks.

void neutron() {
  struct Kernel {
    uint8_t function;
    bool mapped;
    uint32_t ticks;
  };
  const std::vector<Kernel> kernels = {{3, true, 1'204}, {17, false, 88}, {17, true, 640}, {9, true, 2'210}, {0, true, 35}};
  Clock::start(4'000'000, 3, 0xFFFFFFFFull);
  uint32_t npu = 0xFFFFE000u;  // wraps in the third run
  ETDumpGen gen;
  load(gen);
  for (int run = 0; run < 5; ++run) {
    execute(gen, [&] {
      kernel(gen, 0, 0, "native_call_quantize_per_tensor.out", 900);
      instruction(gen, 0, 1, "DELEGATE_CALL", [&] {
        spend(400);
        uint64_t before = Clock::read();
        spend(5'200);
        uint64_t after = Clock::read();
        uint32_t start = 0;
        int index = 0;
        for (const auto& each : kernels) {
          if (start == 0) start = npu;
          npu += each.ticks;
          if (!each.mapped) continue;
          rt::event_tracer_log_profiling_delegate(&gen, nullptr, index++, start, npu, &each.function, 1);
          start = 0;
        }
        uint8_t dump = 255;
        uint32_t from = npu;
        npu += 120;
        rt::event_tracer_log_profiling_delegate(&gen, nullptr, index, from, npu + after - before, &dump, 1);
      });
    });
  }
  save(gen, "delegate-neutron");
}

// MARK: Ethos-U — backends/arm/runtime/EthosUBackend.cpp, init and execute; EthosUBackend_Internal.h.
//
// Logged as ordinary profile events (start_profiling), not as delegate events: no delegate id. One name comes twice
// in a call with two inputs. Ticks are CPU cycles.

void ethos_u() {
  auto scope = [](ETDumpGen& gen, const char* name, const Work& work) {
    auto entry = gen.start_profiling(name);
    work();
    gen.end_profiling(entry);
  };
  Clock::start(90'000, 12);
  ETDumpGen gen;
  load(gen, [&] {
    scope(gen, "+EthosUBackend::init()processed_data", [] { spend(40); });
    scope(gen, "+EthosUBackend::init()vela_bin_read()", [] { spend(2'600); });
  });
  for (int run = 0; run < 3; ++run) {
    execute(gen, [&] {
      instruction(gen, 0, 0, "DELEGATE_CALL", [&] {
        scope(gen, "EthosUBackend::execute()", [&] {
          for (int input = 0; input < 2; ++input) {
            scope(gen, "+EthosUBackend::execute()handles.input.memcpy()", [&] { spend(input ? 3'100 : 11'000); });
          }
          scope(gen, "+EthosUBackend::execute()NPU", [] { spend(610'000); });
        });
      });
      kernel(gen, 0, 1, "native_call_dequantize_per_tensor.out", 21'000);
    });
  }
  save(gen, "delegate-ethosu");
}

}  // namespace

const std::vector<Case> delegate_cases = {
    {"delegate-vulkan", vulkan}, {"delegate-qnn", qnn},         {"delegate-coreml", coreml},
    {"delegate-vgf", vgf},       {"delegate-neutron", neutron}, {"delegate-ethosu", ethos_u},
};

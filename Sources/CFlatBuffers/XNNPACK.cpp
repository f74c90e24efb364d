#include "Text.h"
#include "generated/xnnpack_generated.h"

namespace ettools {
using namespace xnnpack;

bool verifyXNNPACK(const uint8_t *bytes, size_t count) {
  // Exporters write XN01, older ones XN00; the slots are the same.
  return verify<XNNGraph>(bytes, count, "XN01") || verify<XNNGraph>(bytes, count, "XN00");
}

static void write(Text &text, const XNNTensorValue &value) {
  text.begin("XNNTensorValue")
      .choice("datatype", value.datatype())
      .number("num_dims", value.num_dims())
      .numbers("dims", value.dims())
      .number("constant_buffer_idx", value.constant_buffer_idx())
      .number("external_id", value.external_id())
      .number("flags", value.flags())
      .number("id_out", value.id_out())
      .choice("dq_datatype", value.dq_datatype())
      .end();
}

static void write(Text &text, const XNNQuantizedTensorValue &value) {
  text.begin("XNNQuantizedTensorValue")
      .table("tensor_value", value.tensor_value())
      .choice("quant_params", value.quant_params_type())
      .end();
  if (value.tensor_value()) write(text, *value.tensor_value());
  if (!value.quant_params()) return;
  switch (value.quant_params_type()) {
    case XNNQuantParams::NONE: break;
    case XNNQuantParams::PerChannelQuant: {
      auto quant = value.quant_params_as_PerChannelQuant();
      text.begin("PerChannelQuant")
          .numbers("scale", quant->scale())
          .number("channel_dim", quant->channel_dim())
          .number("scale_buffer_idx", quant->scale_buffer_idx())
          .number("num_scales", quant->num_scales())
          .end();
      break;
    }
    case XNNQuantParams::PerTensorQuant: {
      auto quant = value.quant_params_as_PerTensorQuant();
      text.begin("PerTensorQuant").bits("scale", quant->scale()).number("zero_point", quant->zero_point()).end();
      break;
    }
    case XNNQuantParams::PerTokenDynamicQuant:
      text.begin("PerTokenDynamicQuant")
          .number("num_nonbatch_dims", value.quant_params_as_PerTokenDynamicQuant()->num_nonbatch_dims())
          .end();
      break;
    case XNNQuantParams::PerChannelGroupQuant: {
      auto quant = value.quant_params_as_PerChannelGroupQuant();
      text.begin("PerChannelGroupQuant")
          .numbers("scale", quant->scale())
          .number("channel_dim", quant->channel_dim())
          .number("group_size", quant->group_size())
          .number("scale_buffer_idx", quant->scale_buffer_idx())
          .number("num_scales", quant->num_scales())
          .end();
      break;
    }
  }
}

static void write(Text &text, const Node1x1 &node) {
  text.begin("Node1x1")
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const Node2x1 &node) {
  text.begin("Node2x1")
      .number("input1_id", node.input1_id())
      .number("input2_id", node.input2_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const NodeCat &node) {
  text.begin("NodeCat")
      .number("axis", node.axis())
      .number("input1_id", node.input1_id())
      .number("input2_id", node.input2_id())
      .number("input3_id", node.input3_id())
      .number("input4_id", node.input4_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .number("input5_id", node.input5_id())
      .end();
}

static void write(Text &text, const NodeConv &node) {
  text.begin("NodeConv")
      .number("padding_top", node.padding_top())
      .number("padding_right", node.padding_right())
      .number("padding_bottom", node.padding_bottom())
      .number("padding_left", node.padding_left())
      .number("kernel_height", node.kernel_height())
      .number("kernel_width", node.kernel_width())
      .number("subsampling_height", node.subsampling_height())
      .number("subsampling_width", node.subsampling_width())
      .number("dilation_height", node.dilation_height())
      .number("dilation_width", node.dilation_width())
      .number("group_input_channels", node.group_input_channels())
      .number("group_output_channels", node.group_output_channels())
      .number("groups", node.groups())
      .number("adjustment_height", node.adjustment_height())
      .number("adjustment_width", node.adjustment_width())
      .number("input1_id", node.input1_id())
      .number("filter_id", node.filter_id())
      .number("bias_id", node.bias_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const NodePooling2D &node) {
  text.begin("NodePooling2D")
      .number("padding_top", node.padding_top())
      .number("padding_right", node.padding_right())
      .number("padding_bottom", node.padding_bottom())
      .number("padding_left", node.padding_left())
      .number("pooling_height", node.pooling_height())
      .number("pooling_width", node.pooling_width())
      .number("stride_height", node.stride_height())
      .number("stride_width", node.stride_width())
      .number("dilation_height", node.dilation_height())
      .number("dilation_width", node.dilation_width())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNFullyConnected &node) {
  text.begin("XNNFullyConnected")
      .number("input1_id", node.input1_id())
      .number("filter_id", node.filter_id())
      .number("bias_id", node.bias_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNStaticTranspose &node) {
  text.begin("XNNStaticTranspose")
      .number("num_dims", node.num_dims())
      .numbers("perm", node.perm())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNStaticResizeBilinear2D &node) {
  text.begin("XNNStaticResizeBilinear2D")
      .number("new_height", node.new_height())
      .number("new_width", node.new_width())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNStaticConstantPad &node) {
  text.begin("XNNStaticConstantPad")
      .numbers("pre_paddings", node.pre_paddings())
      .numbers("post_paddings", node.post_paddings())
      .bits("padding_value", node.padding_value())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNStaticReshape &node) {
  text.begin("XNNStaticReshape")
      .number("num_dims", node.num_dims())
      .numbers("new_shape", node.new_shape())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNStaticSlice &node) {
  text.begin("XNNStaticSlice")
      .number("num_dims", node.num_dims())
      .numbers("offsets", node.offsets())
      .numbers("sizes", node.sizes())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNScaledDotProductAttention &node) {
  text.begin("XNNScaledDotProductAttention")
      .number("query_id", node.query_id())
      .number("key_id", node.key_id())
      .number("value_id", node.value_id())
      .number("scale_id", node.scale_id())
      .number("mask_id", node.mask_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNArgMaxPooling2d &node) {
  text.begin("XNNArgMaxPooling2d")
      .number("padding_top", node.padding_top())
      .number("padding_right", node.padding_right())
      .number("padding_bottom", node.padding_bottom())
      .number("padding_left", node.padding_left())
      .number("pooling_height", node.pooling_height())
      .number("pooling_width", node.pooling_width())
      .number("input_id", node.input_id())
      .number("output_value_id", node.output_value_id())
      .number("output_index_id", node.output_index_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNLeakyReLU &node) {
  text.begin("XNNLeakyReLU")
      .bits("negative_slope", node.negative_slope())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNNELU &node) {
  text.begin("XNNELU")
      .bits("alpha", node.alpha())
      .number("input_id", node.input_id())
      .number("output_id", node.output_id())
      .number("flags", node.flags())
      .end();
}

static void write(Text &text, const XNode &node) {
  text.begin("XNode")
      .choice("xnode_union", node.xnode_union_type())
      .number("debug_handle", node.debug_handle())
      .table("output_min_max", node.output_min_max())
      .end();
  if (node.xnode_union()) {
    switch (node.xnode_union_type()) {
      case XNodeUnion::NONE: break;
#define MEMBER(name) \
  case XNodeUnion::name: write(text, *node.xnode_union_as_##name()); break;
        MEMBER(XNNAdd)
        MEMBER(XNNFullyConnected)
        MEMBER(XNNSoftmax)
        MEMBER(XNNSigmoid)
        MEMBER(XNNStaticTranspose)
        MEMBER(XNNClamp)
        MEMBER(XNNConv2d)
        MEMBER(XNNDiv)
        MEMBER(XNNStaticResizeBilinear2D)
        MEMBER(XNNStaticConstantPad)
        MEMBER(XNNAvgPooling2d)
        MEMBER(XNNMinimum)
        MEMBER(XNNDepthwiseConv2d)
        MEMBER(XNNMaxPooling2d)
        MEMBER(XNNMultiply)
        MEMBER(XNNSubtract)
        MEMBER(XNNFloor)
        MEMBER(XNNConvert)
        MEMBER(XNNGlobalAvgPooling2d)
        MEMBER(XNNStaticReshape)
        MEMBER(XNNArgMaxPooling2d)
        MEMBER(XNNSquareRoot)
        MEMBER(XNNCeiling)
        MEMBER(XNNHardswish)
        MEMBER(XNNLeakyReLU)
        MEMBER(XNNMaximum)
        MEMBER(XNNNegate)
        MEMBER(XNNSquare)
        MEMBER(XNNELU)
        MEMBER(XNNAbs)
        MEMBER(XNNPReLU)
        MEMBER(XNNConcatenate2)
        MEMBER(XNNConcatenate3)
        MEMBER(XNNConcatenate4)
        MEMBER(XNNStaticSlice)
        MEMBER(XNNScaledDotProductAttention)
        MEMBER(XNNBatchMatrixMultiply)
        MEMBER(XNNConcatenate5)
        MEMBER(XNNConvTranspose2d)
        MEMBER(XNNReciprocalSquareRoot)
        MEMBER(XNNLog)
        MEMBER(XNNGelu)
        MEMBER(XNNTanh)
        MEMBER(XNNExp)
        MEMBER(XNNSin)
        MEMBER(XNNCopy)
        MEMBER(XNNCos)
#undef MEMBER
    }
  }
  if (auto range = node.output_min_max()) {
    text.begin("OutputMinMax").bits("output_min", range->output_min()).bits("output_max", range->output_max()).end();
  }
}

void writeXNNPACK(Text &text, const uint8_t *bytes) {
  auto &graph = *GetXNNGraph(bytes);
  text.begin("XNNGraph")
      .string("version", graph.version())
      .tables("xnodes", graph.xnodes())
      .tables("xvalues", graph.xvalues())
      .number("num_externs", graph.num_externs())
      .numbers("input_ids", graph.input_ids())
      .numbers("output_ids", graph.output_ids())
      .tables("constant_buffer", graph.constant_buffer())
      .numbers("mem_buffer_sizes", graph.mem_buffer_sizes())
      .tables("constant_data", graph.constant_data())
      .end();
  each(graph.xnodes(), [&](auto &node) { write(text, node); });
  each(graph.xvalues(), [&](auto &value) {
    text.begin("XValue").choice("xvalue_union", value.xvalue_union_type()).end();
    if (!value.xvalue_union()) return;
    switch (value.xvalue_union_type()) {
      case XValueUnion::NONE: break;
      case XValueUnion::XNNTensorValue: write(text, *value.xvalue_union_as_XNNTensorValue()); break;
      case XValueUnion::XNNQuantizedTensorValue: write(text, *value.xvalue_union_as_XNNQuantizedTensorValue()); break;
    }
  });
  each(graph.constant_buffer(), [&](auto &buffer) { text.begin("Buffer").bytes("storage", buffer.storage()).end(); });
  each(graph.constant_data(), [&](auto &data) {
    text.begin("ConstantDataOffset")
        .number("offset", data.offset())
        .number("size", data.size())
        .string("named_key", data.named_key())
        .end();
  });
}

}  // namespace ettools

import ETFormats
import TestSupport

extension XNNPACKPayload {
  /// What the reader found, as text in the form of `CFlatBuffers.h`, less what `RecordComparison` leaves out.
  var recordText: [UInt8] {
    var text = RecordText()
    text.begin("XNNGraph")
    text.string("version", version)
    text.number("xnodes", nodes.count)
    text.number("xvalues", values.count)
    text.number("num_externs", externalCount)
    text.numbers("input_ids", inputIDs)
    text.numbers("output_ids", outputIDs)
    text.end()
    for node in nodes { write(node, to: &text) }
    for value in values { write(value, to: &text) }
    for constant in header == nil ? [] : constants {
      text.begin("ConstantDataOffset")
      switch constant {
      case .bytes(let range):
        text.number("offset", range.lowerBound - header!.constantData.lowerBound)
        text.number("size", range.count)
        text.string("named_key", nil as String?)
      case .named(let key):
        text.name("named_key", key, names)
      }
      text.end()
    }
    return text.bytes
  }

  private func write(_ value: Value, to text: inout RecordText) {
    text.begin("XNNTensorValue")
    text.number("datatype", value.datatype.rawValue)
    text.number("num_dims", value.dims.count)
    text.numbers("dims", dims(of: value))
    text.number("constant_buffer_idx", value.constantBufferIndex)
    text.number("external_id", value.externalID)
    text.number("flags", value.flags)
    text.number("id_out", value.id)
    text.number("dq_datatype", value.dynamicDatatype.rawValue)
    text.end()
    switch value.quantization {
    case .none, .other: return
    case .perTensor(let scale, let zeroPoint):
      text.begin("PerTensorQuant")
      text.bits("scale", scale)
      text.number("zero_point", zeroPoint)
    case .perToken(let dims):
      text.begin("PerTokenDynamicQuant")
      text.number("num_nonbatch_dims", dims)
    case .perChannel(let quantization):
      text.begin(quantization.groupSize == nil ? "PerChannelQuant" : "PerChannelGroupQuant")
      text.bits("scale", scales[quantization.scales])
      text.number("channel_dim", quantization.channelDim)
      if let size = quantization.groupSize { text.number("group_size", size) }
      text.number("scale_buffer_idx", quantization.scaleBufferIndex)
      text.number("num_scales", quantization.scaleCount)
    }
    text.end()
  }

  private func write(_ node: Node, to text: inout RecordText) {
    text.begin("XNode")
    text.number("xnode_union", node.kind.rawValue)
    text.number("debug_handle", node.debugHandle)
    text.table("output_min_max", present: node.outputRange != nil)
    text.end()
    if node.kind.isKnown { writeContent(node, to: &text) }
    if let range = node.outputRange {
      text.begin("OutputMinMax")
      text.bits("output_min", range.min)
      text.bits("output_max", range.max)
      text.end()
    }
  }

  private func writeContent(_ node: Node, to text: inout RecordText) {
    let name = node.kind.name
    let (inputs, outputs) = (Array(inputs(of: node)), Array(outputs(of: node)))
    func ids(_ names: [StaticString], _ output: StaticString = "output_id") {
      for (name, id) in zip(names, inputs) { text.number(name, id) }
      text.number(output, outputs[0])
    }
    switch node.parameters {
    case .transpose(let range):
      text.begin("XNNStaticTranspose")
      text.number("num_dims", range.count)
      text.numbers("perm", numbers[range])
      ids(["input_id"])
    case .reshape(let range):
      text.begin("XNNStaticReshape")
      text.number("num_dims", range.count)
      text.numbers("new_shape", numbers[range])
      ids(["input_id"])
    case .slice(let offsets, let sizes):
      text.begin("XNNStaticSlice")
      text.number("num_dims", offsets.count)
      text.numbers("offsets", numbers[offsets])
      text.numbers("sizes", numbers[sizes])
      ids(["input_id"])
    case .pad(let before, let after, let value):
      text.begin("XNNStaticConstantPad")
      text.numbers("pre_paddings", numbers[before])
      text.numbers("post_paddings", numbers[after])
      text.bits("padding_value", value)
      ids(["input_id"])
    case .resize(let height, let width):
      text.begin("XNNStaticResizeBilinear2D")
      text.number("new_height", height)
      text.number("new_width", width)
      ids(["input_id"])
    case .slope(let slope):
      text.begin(name == "XNNELU" ? "XNNELU" : "XNNLeakyReLU")
      text.bits(name == "XNNELU" ? "alpha" : "negative_slope", slope)
      ids(["input_id"])
    case .concatenate(let axis):
      text.begin("NodeCat")
      text.number("axis", axis)
      for (name, id) in zip(["input1_id", "input2_id", "input3_id", "input4_id"] as [StaticString], inputs) {
        text.number(name, id)
      }
      text.number("output_id", outputs[0])
      text.number("flags", node.flags)
      if inputs.count > 4 { text.number("input5_id", inputs[4]) }
      return text.end()
    case .window(let index):
      return writeWindow(node, windows[index], inputs, outputs, to: &text)
    case .none where name == "XNNFullyConnected":
      text.begin("XNNFullyConnected")
      ids(["input1_id", "filter_id", "bias_id"])
    case .none where name == "XNNScaledDotProductAttention":
      text.begin("XNNScaledDotProductAttention")
      ids(["query_id", "key_id", "value_id", "scale_id", "mask_id"])
    case .none where inputs.count == 2:
      text.begin("Node2x1")
      ids(["input1_id", "input2_id"])
    case .none:
      text.begin("Node1x1")
      ids(["input_id"])
    }
    text.number("flags", node.flags)
    text.end()
  }

  private func writeWindow(
    _ node: Node, _ window: Window, _ inputs: [UInt32], _ outputs: [UInt32], to text: inout RecordText
  ) {
    let isConvolution = node.kind.name.contains("Conv")
    let isArgMax = node.kind.name == "XNNArgMaxPooling2d"
    text.begin(isConvolution ? "NodeConv" : isArgMax ? "XNNArgMaxPooling2d" : "NodePooling2D")
    text.number("padding_top", window.paddingTop)
    text.number("padding_right", window.paddingRight)
    text.number("padding_bottom", window.paddingBottom)
    text.number("padding_left", window.paddingLeft)
    text.number(isConvolution ? "kernel_height" : "pooling_height", window.height)
    text.number(isConvolution ? "kernel_width" : "pooling_width", window.width)
    if !isArgMax {
      text.number(isConvolution ? "subsampling_height" : "stride_height", window.strideHeight)
      text.number(isConvolution ? "subsampling_width" : "stride_width", window.strideWidth)
      text.number("dilation_height", window.dilationHeight)
      text.number("dilation_width", window.dilationWidth)
    }
    if isConvolution {
      text.number("group_input_channels", window.groupInputChannels)
      text.number("group_output_channels", window.groupOutputChannels)
      text.number("groups", window.groups)
      text.number("adjustment_height", window.adjustmentHeight)
      text.number("adjustment_width", window.adjustmentWidth)
      for (name, id) in zip(["input1_id", "filter_id", "bias_id"] as [StaticString], inputs) { text.number(name, id) }
    } else {
      text.number("input_id", inputs[0])
    }
    if isArgMax {
      text.number("output_value_id", outputs[0])
      text.number("output_index_id", outputs[1])
    } else {
      text.number("output_id", outputs[0])
    }
    text.number("flags", node.flags)
    text.end()
  }
}

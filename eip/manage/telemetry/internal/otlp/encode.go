// Package otlp sends traces and metrics by OTLP over HTTP, in protobuf.
//
// The SDK's own exporters bring gRPC and the generated messages with them, which
// add a third to the program and to its memory at rest. OTLP's messages are few,
// and stable: they are encoded here field by field.
package otlp

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is an encoded protobuf message. Its methods append fields; what is zero is
// left out, as proto3 has it.
type message []byte

func (m *message) tag(field protowire.Number, t protowire.Type) {
	*m = protowire.AppendTag(*m, field, t)
}

func (m *message) varint(field protowire.Number, v uint64) {
	if v != 0 {
		m.tag(field, protowire.VarintType)
		*m = protowire.AppendVarint(*m, v)
	}
}

func (m *message) fixed32(field protowire.Number, v uint32) {
	if v != 0 {
		m.tag(field, protowire.Fixed32Type)
		*m = protowire.AppendFixed32(*m, v)
	}
}

func (m *message) fixed64(field protowire.Number, v uint64) {
	if v != 0 {
		m.always64(field, v)
	}
}

// always64 is for fields of which zero says something.
func (m *message) always64(field protowire.Number, v uint64) {
	m.tag(field, protowire.Fixed64Type)
	*m = protowire.AppendFixed64(*m, v)
}

func (m *message) double(field protowire.Number, v float64) { m.always64(field, math.Float64bits(v)) }

func (m *message) text(field protowire.Number, v string) {
	if v != "" {
		m.always(field, v)
	}
}

func (m *message) always(field protowire.Number, v string) {
	m.tag(field, protowire.BytesType)
	*m = protowire.AppendString(*m, v)
}

func (m *message) bytes(field protowire.Number, v []byte) {
	m.tag(field, protowire.BytesType)
	*m = protowire.AppendBytes(*m, v)
}

// packed appends 64-bit values as one field.
func packed[T any](m *message, field protowire.Number, all []T, bits func(T) uint64) {
	if len(all) == 0 {
		return
	}
	m.tag(field, protowire.BytesType)
	*m = protowire.AppendVarint(*m, uint64(8*len(all)))
	for _, v := range all {
		*m = protowire.AppendFixed64(*m, bits(v))
	}
}

// attributes appends key-value pairs.
func (m *message) attributes(field protowire.Number, all []attribute.KeyValue) {
	for _, a := range all {
		var pair message
		pair.text(1, string(a.Key))
		pair.bytes(2, anyValue(a.Value))
		m.bytes(field, pair)
	}
}

// set appends the pairs of a set.
func (m *message) set(field protowire.Number, s attribute.Set) { m.attributes(field, s.ToSlice()) }

func anyValue(v attribute.Value) (m message) {
	switch v.Type() {
	case attribute.BOOL:
		m.tag(2, protowire.VarintType)
		m = protowire.AppendVarint(m, protowire.EncodeBool(v.AsBool()))
	case attribute.INT64:
		m.tag(3, protowire.VarintType)
		m = protowire.AppendVarint(m, uint64(v.AsInt64()))
	case attribute.FLOAT64:
		m.double(4, v.AsFloat64())
	case attribute.STRING:
		m.always(1, v.AsString())
	case attribute.BOOLSLICE:
		m.bytes(5, list(v.AsBoolSlice(), attribute.BoolValue))
	case attribute.INT64SLICE:
		m.bytes(5, list(v.AsInt64Slice(), attribute.Int64Value))
	case attribute.FLOAT64SLICE:
		m.bytes(5, list(v.AsFloat64Slice(), attribute.Float64Value))
	case attribute.STRINGSLICE:
		m.bytes(5, list(v.AsStringSlice(), attribute.StringValue))
	default:
		m.always(1, v.Emit())
	}
	return m
}

func list[T any](all []T, value func(T) attribute.Value) (m message) {
	for _, v := range all {
		m.bytes(1, anyValue(value(v)))
	}
	return m
}

func resourceOf(r *resource.Resource) (m message) {
	m.attributes(1, r.Attributes())
	return m
}

func scopeOf(s instrumentation.Scope) (m message) {
	m.text(1, s.Name)
	m.text(2, s.Version)
	m.set(3, s.Attributes)
	return m
}

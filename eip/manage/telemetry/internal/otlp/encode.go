// Package otlp sends traces and metrics by OTLP over HTTP, in protobuf.
//
// The SDK's own exporters bring gRPC and the generated messages with them, which
// add a third to the program and to its memory at rest. OTLP's messages are few,
// and stable: they are encoded here field by field.
package otlp

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
)

// message is an encoded protobuf message. Its methods append fields; what is zero is
// left out, as proto3 has it.
type message []byte

// wire is how a field is encoded.
type wire int

const (
	asVarint  wire = 0
	asFixed64 wire = 1
	asBytes   wire = 2
	asFixed32 wire = 5
)

func (m *message) tag(field int, w wire) { m.uvarint(uint64(field<<3 | int(w))) }

func (m *message) uvarint(v uint64) { *m = binary.AppendUvarint(*m, v) }

func (m *message) varint(field int, v uint64) {
	if v != 0 {
		m.tag(field, asVarint)
		m.uvarint(v)
	}
}

func (m *message) fixed32(field int, v uint32) {
	if v != 0 {
		m.tag(field, asFixed32)
		*m = binary.LittleEndian.AppendUint32(*m, v)
	}
}

func (m *message) fixed64(field int, v uint64) {
	if v != 0 {
		m.always64(field, v)
	}
}

// always64 is for fields of which zero says something.
func (m *message) always64(field int, v uint64) {
	m.tag(field, asFixed64)
	*m = binary.LittleEndian.AppendUint64(*m, v)
}

func (m *message) double(field int, v float64) { m.always64(field, math.Float64bits(v)) }

func (m *message) text(field int, v string) {
	if v != "" {
		m.bytes(field, []byte(v))
	}
}

func (m *message) bytes(field int, v []byte) {
	m.tag(field, asBytes)
	m.uvarint(uint64(len(v)))
	*m = append(*m, v...)
}

// packed appends 64-bit values as one field.
func packed[T any](m *message, field int, all []T, bits func(T) uint64) {
	if len(all) == 0 {
		return
	}
	m.tag(field, asBytes)
	m.uvarint(uint64(8 * len(all)))
	for _, v := range all {
		*m = binary.LittleEndian.AppendUint64(*m, bits(v))
	}
}

// attributes appends key-value pairs.
func (m *message) attributes(field int, all []attribute.KeyValue) {
	for _, a := range all {
		var pair message
		pair.text(1, string(a.Key))
		pair.bytes(2, anyValue(a.Value))
		m.bytes(field, pair)
	}
}

// set appends the pairs of a set.
func (m *message) set(field int, s attribute.Set) { m.attributes(field, s.ToSlice()) }

func anyValue(v attribute.Value) (m message) {
	switch v.Type() {
	case attribute.BOOL:
		m.tag(2, asVarint)
		m.uvarint(bit(v.AsBool()))
	case attribute.INT64:
		m.tag(3, asVarint)
		m.uvarint(uint64(v.AsInt64()))
	case attribute.FLOAT64:
		m.double(4, v.AsFloat64())
	case attribute.STRING:
		m.bytes(1, []byte(v.AsString()))
	case attribute.BOOLSLICE:
		m.bytes(5, list(v.AsBoolSlice(), attribute.BoolValue))
	case attribute.INT64SLICE:
		m.bytes(5, list(v.AsInt64Slice(), attribute.Int64Value))
	case attribute.FLOAT64SLICE:
		m.bytes(5, list(v.AsFloat64Slice(), attribute.Float64Value))
	case attribute.STRINGSLICE:
		m.bytes(5, list(v.AsStringSlice(), attribute.StringValue))
	default:
		m.bytes(1, []byte(v.String()))
	}
	return m
}

func bit(v bool) uint64 {
	if v {
		return 1
	}
	return 0
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

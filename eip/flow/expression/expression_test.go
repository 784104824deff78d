package expression_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/header"
)

const order = `{"id": 7, "total": 1234.5, "region": "eu", "gift": false, "none": null, "zero": 0,
	"customer": {"name": "Anna", "address": {"city": "Bonn"}},
	"items": [{"sku": "a", "price": 3}, {"sku": "b", "price": 9}, {"sku": "c", "price": 6.5}],
	"tags": ["x", "y"], "a-b": 1, "when": "2024-05-06T07:08:09Z", "big": 9007199254740993, "huge": 12345678901234567890}`

var sent = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

func message(body string) *eip.Message {
	return eip.New([]byte(body), nil).With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType = "m1", "c1", "answers", "order", "application/json"
		m.Timestamp, m.Expiration, m.Priority, m.Key = sent, time.Minute, 4, "orders.eu"
		m.Redelivered, m.Channel = true, "queue.orders"
		m.Sequence = eip.Sequence{ID: "s1", Number: 2, Size: 3}
		m.Headers = eip.Headers{
			"region": "eu", "int32": int32(5), "uint64": uint64(math.MaxUint64), "float32": float32(0.5), "bool": true, "sent": sent,
			"bytes": []byte("raw"), "decimal": eip.Decimal{Scale: 2, Value: 1234}, "table": eip.Headers{"FromOutside": 1, "n": int8(2)},
			"list": []any{int16(1), "x"}, "nil": nil, "x-y": "dash", header.History: []any{"a", "b"},
		}
	})
}

func TestValue(t *testing.T) {
	type list = []any
	type object = map[string]any
	tests := []struct {
		source string
		want   any
	}{
		{`body.id`, 7}, {`body.total`, 1234.5}, {`body.region`, "eu"}, {`body.gift`, false}, {`body.none`, nil}, {`body.absent`, nil},
		{`body.customer.address.city`, "Bonn"}, {`body["a-b"]`, 1}, {`body.customer`, object{"name": "Anna", "address": object{"city": "Bonn"}}},
		{`body.big`, 9007199254740993}, {`body.huge`, json.Number("12345678901234567890")}, {`body.big == 9007199254740992`, false},
		{`body.absent?.x`, nil}, {`body.absent?.x.y.z`, nil}, {`body?.customer?.address?.city`, "Bonn"}, {`body.absent ?? "d"`, "d"}, {`body.none?.x ?? 5`, 5},
		{`body.items[1].sku`, "b"}, {`body.items[-1].price`, 6.5}, {`body.tags[0:1]`, list{"x"}}, {`body.tags?.[1]`, "y"},
		{`body.id % 2 == 1`, true}, {`body.id == 7.0`, true}, {`body.id / 2`, 3.5}, {`body.id + 0.5`, 7.5}, {`2 ** 3`, 8.0}, {`-body.id`, -7},
		{`body.id == "7"`, false}, {`body.region in ["eu", "us"]`, true}, {`body.id in ["eu", "us"]`, false}, {`body.id in [1, 7]`, true},
		{`body.total in 1..2000`, false}, {`body.id in 1..10`, true}, {`body.none in ["", nil]`, true}, {`body.none in [""]`, false}, {`"name" in body.customer`, true}, {`body.id not in [7]`, false},
		{`body.region matches "^e.$"`, true}, {`body.region contains "u"`, true}, {`body.region startsWith "e"`, true}, {`not (body.region endsWith "u")`, false}, {`body.absent contains "x"`, false},
		{`1 < body.id < 10`, true}, {`body.id > 5 ? "big" : "small"`, "big"}, {`if body.id > 5 { "big" } else { "small" }`, "big"},
		{`filter(body.items, .price > 5)`, list{object{"sku": "b", "price": 9}, object{"sku": "c", "price": 6.5}}},
		{`map(body.items, .sku) | join("-")`, "a-b-c"}, {`sum(body.items, .price)`, 18.5}, {`count(body.items, .price > 5)`, 2}, {`all(body.items, .price > 0)`, true},
		{`any(body.items, .sku == "z")`, false}, {`none(body.items, .sku == "z")`, true}, {`one(body.items, .sku == "a")`, true}, {`find(body.items, .price > 5).sku`, "b"},
		{`findIndex(body.items, .price > 5)`, 1}, {`findLast(body.items, .price > 5).sku`, "c"}, {`len(body.items)`, 3}, {`len(body)`, 13}, {`len("äö")`, 2},
		{`reduce(body.items, #acc + .price, 0)`, 18.5}, {`sortBy(body.items, -.price) | map(.sku)`, list{"b", "c", "a"}}, {`sort([3, 1, 2], "desc")`, list{3, 2, 1}},
		{`groupBy(body.items, .price > 5)`, object{"true": list{object{"sku": "b", "price": 9}, object{"sku": "c", "price": 6.5}}, "false": list{object{"sku": "a", "price": 3}}}},
		{`let n = body.customer.name; n + "!"`, "Anna!"}, {`body.customer | toJSON()`, `{"address":{"city":"Bonn"},"name":"Anna"}`}, {`fromJSON("{\"n\": 1}").n % 2`, 1},
		{`1..3`, list{1, 2, 3}}, {`split("a,b", ",")`, list{"a", "b"}}, {`toPairs({"k": 1})`, list{list{"k", 1}}}, {`{"k": 1..2}`, object{"k": list{1, 2}}},
		{`flatten([1, [2, [3]]])`, list{1, 2, 3}}, {`uniq([1, 1.0, "1", "1", nil, nil, [1], [1]])`, list{1, "1", nil, list{1}}}, {`concat([1], ["x"], 2..3)`, list{1, "x", 2, 3}}, {`concat([], [])`, list{}}, {`concat([]) ?? 1`, list{}}, {`flatten([[], []])`, list{}}, {`flatten([]) == nil`, false}, {`median([3, [1, 2]])`, 2.0},
		{`replace("a.b.c", ".", "")`, "abc"}, {`replace("aaa", "a", "b", 2)`, "bba"}, {`repeat("ab", 2)`, "abab"}, {`trim("  x ")`, "x"}, {`upper("x") + lower("Y")`, "Xy"}, {`body.region | upper()`, "EU"},
		{`string(body.total)`, "1234.5"}, {`string(1000000.0)`, "1000000"}, {`string(headers.bytes)`, "raw"}, {`string(7)`, "7"}, {`int("7") + int(7.9)`, 14}, {`float("1.5")`, 1.5}, {`type(body.id) + type(body.total) + type(nil)`, "intfloatnil"},
		{`body == fromJSON(toJSON(body))`, true}, {`"a" + "b" + body.region`, "abeu"}, {`{a: 1}.a`, 1}, {`[1, 2][1]`, 2}, {`true; 5`, 5},
		{`date(body.when).Year()`, 2024}, {`date(body.when) == message.timestamp`, true}, {`message.timestamp + duration("1h")`, sent.Add(time.Hour)}, {`now() - message.timestamp > duration("1h")`, true}, {`string(now()) contains "m="`, false}, {`duration("90s")`, "1m30s"}, {`headers.sent.Month()`, 5},

		{`message.id`, "m1"}, {`message.correlation_id`, "c1"}, {`message.reply_to`, "answers"}, {`message.type`, "order"}, {`message.content_type`, "application/json"}, {`message.timestamp`, sent},
		{`message.expiration == duration("1m")`, true}, {`message.priority + 1`, 5}, {`message.key`, "orders.eu"}, {`message.redelivered`, true}, {`message.channel`, "queue.orders"},
		{`message.sequence.id + string(message.sequence.number) + string(message.sequence.size)`, "s123"}, {`message.history`, list{"a", "b"}}, {`message["id"]`, "m1"}, {`message.sequence`, object{"id": "s1", "number": 2, "size": 3}},
		{`keys(message.sequence ?? {})`, nil},

		{`headers.region`, "eu"}, {`headers["x-y"]`, "dash"}, {`headers.absent`, nil}, {`headers?.region`, "eu"}, {`headers.int32 + 1`, 6}, {`headers.int32 == 5`, true}, {`headers.float32 * 2`, 1.0}, {`headers.bool && true`, true},
		{`headers.decimal`, 12.34}, {`headers.table.n + 1`, 3}, {`headers.table.FromOutside`, 1}, {`headers.table`, object{"FromOutside": 1, "n": 2}}, {`headers.list`, list{1, "x"}}, {`headers.uint64 > 5`, true}, {`headers.nil`, nil}, {`headers.bytes`, []byte("raw")},
		{`len(headers)`, 13}, {`filter(keys(headers), # startsWith "x-")`, list{"x-y"}}, {`headers["re" + "gion"]`, "eu"}, {`map(["region"], headers[#])`, list{"eu"}},
	}
	m := message(order)
	for _, tt := range tests {
		v, err := expression.Value(tt.source)
		if tt.source == `keys(message.sequence ?? {})` {
			if err == nil {
				_, err = v(t.Context(), m)
			}
			if err == nil {
				t.Errorf("%s: works", tt.source)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		for range 2 {
			if got, err := v(t.Context(), m); err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s = %#v, %v, want %#v", tt.source, got, err, tt.want)
			}
		}
	}
}

func TestValue_Message(t *testing.T) {
	v, err := expression.Value(`message`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v(t.Context(), message(order))
	fields, ok := got.(map[string]any)
	if err != nil || !ok || len(fields) != 13 || fields["id"] != "m1" || fields["expiration"] != "1m0s" || fields["timestamp"] != sent {
		t.Errorf("message = %#v, %v", got, err)
	}
}

// What makes a message invalid, and how that is said.
func TestValue_Invalid(t *testing.T) {
	tests := []struct{ source, want string }{
		{`body.absent.x`, "body.absent is nil and has no member x"},
		{`body.none.x.y`, "body.none is nil and has no member x"},
		{`body.customer.absent.x`, "body.customer.absent is nil and has no member x"},
		{`body.absent?.x + 1`, "+ does not take nil and int"},
		{`body.region.x`, "body.region is text and has no member x"},
		{`body.items.sku`, "body.items is a list and has no member sku"},
		{`body.id?.x`, "body.id is a number and has no member x"},
		{`headers.absent.x`, "nil has no member x"},
		{`body.absent > 5`, "> does not take nil and int"},
		{`body.region > 5`, "> does not take text and int"},
		{`body.region < 5`, "< does not take text and int"},
		{`body.items + 1`, "+ does not take list and int"},
		{`body.id / body.zero`, "division by zero"},
		{`body.id % body.zero`, "division by zero"},
		{`body.total % 2`, "% does not take float and int"},
		{`body.items[7]`, "index out of range: 7 (list length is 3)"},
		{`body[0]`, "int is no key of a map"},
		{`!body.id`, "a number where true or false is needed"},
		{`body.id && true && body.gift`, "a number where true or false is needed"},
		{`body.region ? 1 : 2`, "text where true or false is needed"},
		{`filter(body.region, true)`, "text where a list is needed"},
		{`map(body.absent, #)`, "nil where a list is needed"},
		{`sum(body.customer)`, "a map where a list is needed"},
		{`filter(body.items, .price)`, "int where true or false is needed"},
		{`upper(body.id)`, "int where text is needed"},
		{`join(body.items)`, "a map where text is needed"},
		{`body.id contains "7"`, "int where text is needed"},
		{`body.region matches body.region + "("`, "error parsing regexp: missing closing ): `eu(`"},
		{`int(body.region)`, "eu is no number"},
		{`len(body.id)`, "invalid argument for len (type int)"},
		{`date(body.region)`, "invalid date eu"},
		{`duration(body.region)`, `time: invalid duration "eu"`},
		{`repeat(body.region, -1)`, "repeat cannot repeat -1 times"},
		{`groupBy(body.items, #)`, "only text, numbers and booleans can be keys"},
		{`body.id[0:1]`, "only text and lists can be sliced"},
		{`fromJSON(body.region)`, "fromJSON: it is not valid JSON"},
		{`headers.sent.Format`, "its result is a function"},
	}
	m := message(order)
	for _, tt := range tests {
		v, err := expression.Value(tt.source)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		_, err = v(t.Context(), m)
		if want := "evaluate `" + tt.source + "`: " + tt.want; err == nil || !eip.IsInvalid(err) || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", tt.source, err, want)
		}
	}
}

// An error names the expression on one line, and never a part of a text in it.
func TestErrors_NameTheExpression(t *testing.T) {
	tests := []struct{ source, want string }{
		{"body.absent.x ==\n\t\t'a  b'", "`body.absent.x == 'a  b'`"},
		{"body.absent.x // why\n  == 1", "`body.absent.x == 1`"},
		{`body.absent.x == "` + strings.Repeat("s", 99) + `"`, "`body.absent.x == …`"},
		{`body.absent.x in [` + strings.Repeat("1, ", 40) + `1]`, "`body.absent.x in [" + strings.Repeat("1, ", 27) + "…`"},
	}
	for _, tt := range tests {
		v, err := expression.Value(tt.source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = v(t.Context(), message(order))
		if want := "evaluate " + tt.want + ": body.absent is nil and has no member x"; err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func TestBodies(t *testing.T) {
	tests := []struct {
		contentType, body, source string
		want                      any
		err                       string
	}{
		{"application/json", `{"a":1`, `body.a`, nil, "decode body as application/json: unexpected end of JSON input after byte 6"},
		{"application/json", `{"a":1}x`, `body.a`, nil, "decode body as application/json: something follows the JSON text at line 1, column 8 (byte 8)"},
		{"application/json", `{"a":1`, `body`, nil, "decode body as application/json: unexpected end of JSON input after byte 6"},
		{"application/json", `{"a":1`, `body?.a`, nil, "decode body as application/json"},
		{"application/json", ``, `body.a`, nil, "decode body as application/json"},
		{"application/json", `{"a":1`, `message.type`, "", ""},
		{"application/json", `{"a":1,"a":2}`, `body.a`, 2, ""},
		{"application/json", `[1,2]`, `body[1]`, 2, ""},
		{"application/json", `[1,2]`, `body.a`, nil, "body is a list and has no member a"},
		{"application/json", `null`, `body.a`, nil, "body is nil and has no member a"},
		{"application/json", `null`, `body?.a`, nil, ""},
		{"application/json", `"\ud800x"`, `body`, nil, "decode body as application/json: half of a surrogate pair at line 1, column 2 (byte 2)"},
		{"application/json", `{"v":[1],}`, `body.v`, nil, "invalid character '}' looking for beginning of object key string at line 1, column 10 (byte 10)"},
		{"application/json", "{\n \"ü\": x}", `body.v`, nil, "at line 2, column 7 (byte 10)"},
		{"", `{"v":[1],}`, `body.v`, nil, "the body is text and has no member v: as JSON it is broken: invalid character '}' looking for beginning of object key string at line 1, column 10 (byte 10)"},
		{"", ` [1`, `body.v`, nil, "as JSON it is broken: unexpected end of JSON input after byte 3"},
		{"", `no JSON`, `body.v`, nil, "the body is text and has no member v"},
		{"application/geo+json; charset=utf-8", `{"a":1}`, `body.a`, 1, ""},
		{"", `{"a":1}`, `body.a`, 1, ""},
		{"", `{"a":1`, `body.a`, nil, "the body is text and has no member a"},
		{"", `{"a":1`, `body`, `{"a":1`, ""},
		{"", ``, `body == ""`, true, ""},
		{"", "\xff", `body`, []byte("\xff"), ""},
		{"", "\xff", `body.a`, nil, "the body is bytes and has no member a"},
		{"text/plain", `{"a":1}`, `body`, `{"a":1}`, ""},
		{"text/plain", `{"a":1}`, `body.a`, nil, "the body is text and has no member a"},
		{"text/plain", `7`, `body + "!"`, "7!", ""},
		{"image/png", `{"a":1}`, `len(body)`, 7, ""},
		{"image/png", `{"a":1}`, `body.a`, nil, "the body is bytes and has no member a"},
	}
	for _, tt := range tests {
		v, err := expression.Value(tt.source)
		if err != nil {
			t.Fatalf("%s: %v", tt.source, err)
		}
		m := eip.New([]byte(tt.body), nil).With(func(m *eip.Message) { m.ContentType = tt.contentType })
		got, err := v(t.Context(), m)
		if tt.err != "" {
			if !eip.IsInvalid(err) || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s on %s as %q: %v, want an invalid message: %s", tt.source, tt.body, tt.contentType, err, tt.err)
			}
		} else if tt.source != `message.type` && (err != nil || !reflect.DeepEqual(got, tt.want)) || err != nil {
			t.Errorf("%s on %s as %q = %#v, %v, want %#v", tt.source, tt.body, tt.contentType, got, err, tt.want)
		}
	}
}

// A copy with another content type is another body; one with another header is not.
func TestValue_OfCopies(t *testing.T) {
	v, err := expression.Value(`body.id`)
	if err != nil {
		t.Fatal(err)
	}
	m := message(order)
	for range 2 {
		if got, err := v(t.Context(), m.WithHeader("x", 1)); got != 7 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		if got, err := v(t.Context(), m.WithBody([]byte(`{"id":8}`))); got != 8 || err != nil {
			t.Errorf("with another body: %v, %v", got, err)
		}
		if _, err := v(t.Context(), m.With(func(m *eip.Message) { m.ContentType = "text/plain" })); !eip.IsInvalid(err) {
			t.Errorf("as text: %v", err)
		}
	}
}

func TestPredicate(t *testing.T) {
	tests := []struct {
		source string
		want   bool
		err    string
	}{
		{`body.total > 1000 && body.region == "eu"`, true, ""},
		{`body.total > 1000 && headers.region == 'us'`, false, ""},
		{`body.gift`, false, ""},
		{`body.gift == true`, false, ""},
		{`any(body.items, .price > 5)`, true, ""},
		{`body.absent`, false, "nil where true or false is needed"},
		{`body.absent == nil`, true, ""},
		{`body.id`, false, "a number where true or false is needed"},
		{`body.gift || body.region`, false, "text where true or false is needed"},
		{`body.region == "eu" || body.absent > 5`, true, ""},
		{`body.region == "us" || body.absent > 5`, false, "> does not take nil and int"},
		{`headers.bool`, true, ""},
		{`let x = body.region; x`, false, "text where true or false is needed"},
	}
	for _, tt := range tests {
		p, err := expression.Predicate(tt.source)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		got, err := p(t.Context(), message(order))
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && (!eip.IsInvalid(err) || !strings.HasSuffix(err.Error(), tt.err)) {
			t.Errorf("%s = %v, %v, want %v, %s", tt.source, got, err, tt.want, tt.err)
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct{ source, want, err string }{
		{`body.region`, "eu", ""}, {`"orders." + body.region`, "orders.eu", ""}, {`body.id`, "7", ""}, {`body.total`, "1234.5", ""}, {`1000000.0`, "1000000", ""}, {`1e21`, "1e+21", ""},
		{`body.gift`, "false", ""}, {`body.absent`, "", ""}, {`nil`, "", ""}, {`headers.sent`, "2024-05-06T07:08:09Z", ""}, {`message.expiration`, "1m0s", ""}, {`headers.bytes`, "raw", ""},
		{`body.items`, "", "a list where text is needed"}, {`body.customer`, "", "a map where text is needed"},
		{`fromBase64("/w==") == "" ? 1 : headers.list`, "", "a list where text is needed"},
	}
	for _, tt := range tests {
		f, err := expression.Text(tt.source)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		got, err := f(t.Context(), message(order))
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && (!eip.IsInvalid(err) || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s = %q, %v, want %q, %s", tt.source, got, err, tt.want, tt.err)
		}
	}
}

func TestMerge(t *testing.T) {
	f, err := expression.Merge(`{"order": body.id, "customer": reply.name, "all": reply, "by": headers.region, "id": message.id}`)
	if err != nil {
		t.Fatal(err)
	}
	reply := eip.New([]byte(`{"name":"Anna"}`), nil)
	got, err := f(t.Context(), message(order), reply)
	want := map[string]any{"order": 7, "customer": "Anna", "all": map[string]any{"name": "Anna"}, "by": "eu", "id": "m1"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v", got, err)
	}
	if _, err = f(t.Context(), message(order), eip.New([]byte("no JSON"), nil)); !eip.IsInvalid(err) || !strings.Contains(err.Error(), "the reply is text and has no member name") {
		t.Errorf("got %v", err)
	}
}

// The guilty part is between the brackets.
func TestErrors(t *testing.T) {
	tests := []struct {
		kind, source, want string
	}{
		{"predicate", `[boddy].total > 1`, `There is no name "boddy". Did you mean "body"?`},
		{"predicate", `body.total > 1 && [haeders].x`, `There is no name "haeders". Did you mean "headers"?`},
		{"predicate", `body.x > [var].limit`, `Expressions do not see the flow file's "var". Put its value in: ${var.NAME}.`},
		{"value", `body.x[[other]:2]`, `There is no name "other". There is body, headers, message.`},
		{"value", `message.[idd]`, `message has no member "idd". Did you mean "id"?`},
		{"value", `message.sequence.[nummber]`, `message.sequence has no member "nummber". Did you mean "number"?`},
		{"value", `[lenn](body)`, `There is no function "lenn". Did you mean "len"?`},
		{"value", `map(body.items, [len])`, `"len" is a function. Call it: len(…).`},
		{"value", `body.region.[upper]()`, `body is data and has no functions.`},
		{"value", `[env]("HOME")`, `Expressions do not see the environment. Use env(…) in a setting of the flow file.`},
		{"value", `[env].HOME`, `Expressions do not see the environment. Use env(…) in a setting of the flow file.`},
		{"value", `[$env]`, `Expressions do not see the environment. Use env(…) in a setting of the flow file.`},
		{"value", `[reply].name`, `Only a merge sees reply.`},
		{"predicate", `message.id [>] 5`, `> does not take text and int.`},
		{"predicate", `message.priority [==] "high"`, `== does not take int and text.`},
		{"value", `"n" [+] 1`, `+ does not take text and int. Make text of a value with string(…).`},
		{"value", `[-]"x"`, `- does not take text.`},
		{"predicate", `body.region [=] "eu"`, `An expression sets nothing. Compare with ==.`},
		{"predicate", `body.a [&] body.b`, `There is no operator &. Did you mean &&?`},
		{"predicate", `body.a [AND] body.b`, `"AND" does not fit here. Did you mean "and"?`},
		{"predicate", `body.region == ['eu]`, `This text has no closing quote.`},
		{"predicate", `(body.total > [1]`, `The expression ends too early.`},
		{"predicate", `body.total[)]`, `")" does not fit here.`},
		{"predicate", `body.a [matches] "("`, "This is no regular expression: missing closing ): `(`."},
		{"value", `1 [/] 0`, `This divides by zero.`},
		{"value", `[trim](5)`, `"trim" takes text here, and not a number.`},
		{"value", `[sort](nil)`, `"sort" does not take nil.`},
		{"value", `[join]()`, `Not enough arguments to call join.`},
		{"value", `filter([5], true)`, `"filter" takes a list, and not int.`},
		{"value", `filter(body.items, ["x"])`, `This condition must be true or false, and is text.`},
		{"value", `["x"] ? 1 : 2`, `This condition must be true or false, and is text.`},
		{"value", `[99999999999999999999]`, `This is no number of 64 bits. Compare longer ones as text: string(…).`},
		{"predicate", ` [body.total + 1 - 2 * 3 == 1 ? 5 : 6] `, `This must be true or false, and it is a number.`},
		{"predicate", `["x"]`, `This must be true or false, and it is text.`},
		{"predicate", `[nil]`, `This must be true or false, and nil is neither.`},
		{"predicate", `[message]`, `This must be true or false, and it is a map.`},
		{"text", `[{"a": 1}]`, `This must be text, and it is a map.`},
		{"text", `[filter(body, true)]`, `This must be text, and it is a list.`},
		{"text", `[headers]`, `This must be text, and it is a map.`},
		{"value", `[now().Year]`, `This is a function that is not called.`},
		{"value", ``, `An expression cannot be empty.`},
		{"value", `[  ]`, `An expression cannot be empty.`},
		{"value", `body.é.[x](1)`, `body is data and has no functions.`},
		{"value", `"äöü" + [boddy]`, `There is no name "boddy". Did you mean "body"?`},
	}
	for _, tt := range tests {
		source, from, to := marked(tt.source)
		var err error
		switch tt.kind {
		case "predicate":
			_, err = expression.Predicate(source)
		case "text":
			_, err = expression.Text(source)
		default:
			_, err = expression.Value(source)
		}
		var e *expression.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v", source, err)
			continue
		}
		if e.Error() != tt.want || e.From != from || e.To != to {
			t.Errorf("%s:\n got %q at %q\nwant %q at %q", source, e.Error(), source[e.From:e.To], tt.want, source[from:to])
		}
	}
}

// marked takes the marks out of a source: the first [ whose ] makes it compile to
// the position that is looked for. Lists in sources are never the first.
func marked(s string) (source string, from, to int) {
	from = strings.Index(s, "[")
	if strings.HasPrefix(s, `body.x[[`) {
		from++
	}
	if from < 0 {
		return s, 0, 0
	}
	to = from + strings.Index(s[from:], "]")
	return s[:from] + s[from+1:to] + s[to+1:], from, to - 1
}

func TestConcurrently(t *testing.T) {
	var predicates []eip.Predicate
	for _, s := range []string{`body.total > 1000 && body.region == "eu"`, `any(body.items, .price > 5)`, `len(body) > 2 && len(headers) > 2`, `body.customer.address.city == "Bonn"`, `message.id == "m1" && body.absent?.x == nil`} {
		p, err := expression.Predicate(s)
		if err != nil {
			t.Fatal(err)
		}
		predicates = append(predicates, p)
	}
	fails, err := expression.Predicate(`body.absent.x`)
	if err != nil {
		t.Fatal(err)
	}
	m := message(order)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				for _, p := range predicates {
					if ok, err := p(context.Background(), m); !ok || err != nil {
						t.Error(ok, err)
					}
				}
				if _, err := fails(context.Background(), m); !eip.IsInvalid(err) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// The body of the README's first figure: few allocations, none once it was read.
func TestPredicate_Allocations(t *testing.T) {
	p, err := expression.Predicate(`body.total > 1000 && body.region == "eu"`)
	if err != nil {
		t.Fatal(err)
	}
	m := message(order)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { p(ctx, m) }); n > 0 {
		t.Errorf("%v allocations on a body that was read before", n)
	}
	body := []byte(order)
	alone := testing.AllocsPerRun(100, func() { eip.New(body, nil) })
	if n := testing.AllocsPerRun(100, func() { p(ctx, eip.New(body, nil)) }) - alone; n > 4 {
		t.Errorf("%v allocations on a new message", n)
	}
}

package graph_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/eipd/eipd/eip/adapter/all"
	_ "github.com/eipd/eipd/eip/broker/amqp"
	_ "github.com/eipd/eipd/eip/broker/embedded"
	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/broker/stomp"
	_ "github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/graph"
	_ "github.com/eipd/eipd/eip/manage"
	_ "github.com/eipd/eipd/eip/routing"
	_ "github.com/eipd/eipd/eip/transform"
)

// chain is flows one behind the other.
func chain(n int, stages string) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "queue \"q%d\" {}\nflow \"f%d\" {\n from = queue.q%d\n %s\n to = queue.q%d\n}\n", i, i, i, stages, i+1)
	}
	fmt.Fprintf(&out, "queue \"q%d\" {}\n", n)
	return out.String()
}

func repeated(n int, format string) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(strings.ReplaceAll(format, "#", fmt.Sprint(i)) + "\n")
	}
	return out.String()
}

func nested(depth int) string {
	if depth == 0 {
		return "to = queue.out"
	}
	return fmt.Sprintf("content_router {\n when \"a%d\" {\n if = \"true\"\n %s\n }\n otherwise { to = queue.other%d }\n}", depth, nested(depth-1), depth)
}

var long = strings.Repeat("a_long_name_", 17)[:200]

// shapes are flow files of all kinds.
var shapes = map[string]string{
	"cycle":       "queue \"a\" {}\nqueue \"b\" {}\nflow \"one\" {\n from = queue.a\n to = queue.b\n}\nflow \"two\" {\n from = queue.b\n to = queue.a\n}",
	"self-loop":   "queue \"a\" {}\nflow \"one\" {\n from = queue.a\n to = queue.a\n}",
	"two-parts":   chain(2, "") + "queue \"z\" {}\nflow \"apart\" {\n from = queue.z\n discard {}\n}",
	"one-stage":   "queue \"a\" {}\nflow \"f\" {\n from = queue.a\n discard {}\n}",
	"empty":       "queue \"a\" {}",
	"fan-out-50":  "topic \"t\" {}\nqueue \"in\" {}\nflow \"f\" {\n from = queue.in\n to = topic.t\n}\n" + repeated(50, "flow \"f#\" {\n from = topic.t\n discard {}\n}"),
	"fan-in-20":   "queue \"t\" {}\n" + repeated(20, "queue \"q#\" {}\nflow \"f#\" {\n from = queue.q#\n to = queue.t\n}"),
	"many-from":   repeated(6, "queue \"q#\" {}") + "flow \"f\" {\n from = [queue.q0, queue.q1, queue.q2, queue.q3, queue.q4, queue.q5]\n discard {}\n}",
	"many-to":     repeated(6, "queue \"q#\" {}") + "queue \"in\" {}\nflow \"f\" {\n from = queue.in\n to = [queue.q0, queue.q1, queue.q2, queue.q3, queue.q4, queue.q5]\n}",
	"routers-4":   repeated(5, "queue \"other#\" {}") + "queue \"in\" {}\nqueue \"out\" {}\nflow \"f\" {\n from = queue.in\n " + nested(4) + "\n}",
	"branches-12": "queue \"in\" {}\n" + repeated(12, "queue \"q#\" {}") + "flow \"f\" {\n from = queue.in\n content_router {\n" + repeated(12, "when \"w#\" {\n if = \"body.n == #\"\n transform { body = \"#\" }\n to = queue.q#\n}") + "}\n}",
	"long-line":   "queue \"in\" {}\nqueue \"out\" {}\nflow \"f\" {\n from = queue.in\n" + repeated(30, "transform { body = \"#\" }") + "to = queue.out\n}",
	"long-sends":  "queue \"in\" {}\nqueue \"out\" {}\nqueue \"side\" {}\nflow \"f\" {\n from = queue.in\n" + repeated(15, "send { to = queue.side }\nlog {}") + "to = queue.out\n}",
	"long-name":   fmt.Sprintf("queue %q {}\nqueue \"in\" {}\nflow %[1]q {\n from = queue.in\n transform %[1]q { body = \"1\" }\n to = queue.%[1]s\n}", long),
	"long-branch": fmt.Sprintf("queue \"in\" {}\nqueue \"out\" {}\nflow \"f\" {\n from = queue.in\n content_router {\n  when %q {\n   if = \"true\"\n   to = queue.out\n  }\n  otherwise {\n   discard {}\n  }\n }\n}", strings.ToUpper(long)),
	"hebrew":      "queue \"הזמנות\" {}\nqueue \"注文\" {}\nflow \"مرحبا\" {\n from = queue.הזמנות\n log \"žluťoučký\" {}\n to = queue.注文\n}",
	"brokers-3": "broker \"a\" { url = \"memory:a\" }\nbroker \"b\" { url = \"memory:b\" }\nqueue \"x\" { broker = broker.a }\nqueue \"y\" { broker = broker.b }\nqueue \"z\" {}\n" +
		"flow \"one\" {\n from = queue.x\n to = queue.y\n}\nflow \"two\" {\n from = queue.y\n to = queue.z\n}",
	"request": "queue \"in\" {}\nqueue \"service\" {}\nqueue \"out\" {}\nflow \"ask\" {\n from = queue.in\n request { to = queue.service }\n to = queue.out\n}\nservice \"answer\" {\n queue = queue.service\n reply { body = \"1\" }\n}",
	"proxies": "queue \"in\" {}\nqueue \"p1\" {}\nqueue \"p2\" {}\nqueue \"s\" {}\nflow \"ask\" {\n from = queue.in\n request { to = queue.p1 }\n discard {}\n}\n" +
		"flow \"proxy1\" {\n from = queue.p1\n smart_proxy { service = queue.p2 }\n}\nflow \"proxy2\" {\n from = queue.p2\n smart_proxy \"named\" {\n service = queue.s\n reply_body {\n transform { body = \"body\" }\n }\n }\n}\nservice \"s\" {\n reply {}\n}",
	"taps": "queue \"in\" {}\nqueue \"out\" {}\n" + repeated(4, "queue \"q#\" {}") + "flow \"f\" {\n from = queue.in\n" +
		"wire_tap \"one\" { to = queue.q0 }\nwire_tap \"two\" {\n transform { body = \"1\" }\n filter { if = \"true\" }\n to = queue.q1\n}\nwire_tap \"three\" {\n enabled = false\n log {}\n}\nwire_tap { to = [queue.q2, queue.q3] }\nto = queue.out\n}",
	"detours": "queue \"in\" {}\nqueue \"out\" {}\nqueue \"aside\" {}\nflow \"f\" {\n from = queue.in\n detour \"on\" {\n enabled = true\n log {}\n transform { body = \"1\" }\n}\n" +
		"detour \"off\" {\n filter {\n if = \"true\"\n discard_to = queue.aside\n }\n}\ndetour \"leaves\" { to = queue.aside }\nto = queue.out\n}",
	"failures": "queue \"in\" {}\nqueue \"out\" {}\nqueue \"dead\" {}\nqueue \"bad\" {}\nqueue \"old\" {\n dead_letter = queue.dead\n}\nflow \"one\" {\n from = queue.in\n dead_letter = queue.dead\n invalid_message = queue.bad\n to = queue.old\n}\n" +
		"flow \"two\" {\n from = queue.old\n dead_letter = queue.dead\n to = queue.out\n}\nflow \"mend\" {\n from = queue.bad\n to = queue.in\n}",
	"recipients": "queue \"in\" {}\nqueue \"a\" {}\nqueue \"b\" {}\ntopic \"c\" {}\nflow \"f\" {\n from = queue.in\n recipient_list {\n recipients = \"headers.to\"\n allow = [queue.a, queue.b, topic.c]\n }\n}\nflow \"g\" {\n from = topic.c\n recipient_list \"fixed\" { to = [queue.a, queue.b] }\n}",
	"splitter":   "queue \"in\" {}\nqueue \"out\" {}\nqueue \"s\" {}\nflow \"f\" {\n from = queue.in\n splitter {\n parts = \"body\"\n each {\n request { to = queue.s }\n transform { body = \"body\" }\n }\n gather {}\n }\n to = queue.out\n}",
	"scatter":    "queue \"in\" {}\nqueue \"out\" {}\nqueue \"a\" {}\nqueue \"b\" {}\nqueue \"r\" {}\nflow \"f\" {\n from = queue.in\n scatter_gather {\n to = [queue.a, queue.b]\n }\n to = queue.out\n}",
	"interceptors": "queue \"in\" {}\nqueue \"out\" {}\nqueue \"log\" {}\ninterceptor \"see\" {\n on = \"receive\"\n wire_tap { to = queue.log }\n}\ninterceptor \"mask\" {\n on = \"send\"\n only = [queue.out]\n transform { body = \"1\" }\n}\n" +
		"flow \"f\" {\n from = queue.in\n log {}\n to = queue.out\n}",
	"subscriptions": "topic \"t\" {}\nflow \"one\" {\n from = topic.t\n subscription = \"shared_one\"\n discard {}\n}\nflow \"two\" {\n from = topic.t\n subscription = \"shared_one\"\n discard {}\n}\nflow \"three\" {\n from = topic.t\n concurrency = 8\n discard {}\n}",
	"adapters":      "adapter \"stdio\" \"both\" {}\nadapter \"timer\" \"tick\" { every = \"1s\" }\nadapter \"file\" \"f\" { path = \"out\" }\nflow \"one\" {\n from = adapter.both\n to = adapter.both\n}\nflow \"two\" {\n from = adapter.tick\n to = [adapter.f, adapter.both]\n}",
	"disabled":      "queue \"a\" {}\nqueue \"b\" {}\nflow \"f\" {\n from = queue.a\n enabled = false\n log {}\n to = queue.b\n}",
	"skip-ranks":    chain(9, "log {}") + "flow \"over\" {\n from = queue.q0\n to = queue.q9\n}\nflow \"half\" {\n from = queue.q2\n to = [queue.q7, queue.q8]\n}",
	"back-and-on":   chain(5, "log {}") + "flow \"back\" {\n from = queue.q5\n to = [queue.q0, queue.q3]\n}\nflow \"back2\" {\n from = queue.q4\n to = queue.q2\n}",
	"lattice":       repeated(6, "queue \"a#\" {}\nqueue \"b#\" {}\nqueue \"c#\" {}") + repeated(6, "flow \"f#\" {\n from = [queue.a#, queue.b#]\n to = [queue.c0, queue.c1, queue.c2, queue.c3, queue.c4, queue.c5]\n}"),
	"same-names":    "queue \"x\" {}\ntopic \"x\" {}\nadapter \"stdio\" \"x\" {}\nflow \"queue\" {\n from = queue.x\n log \"x\" {}\n to = topic.x\n}\nflow \"x\" {\n from = topic.x\n to = adapter.x\n}",
	"wide-detour":   "queue \"in\" {}\nqueue \"out\" {}\nqueue \"o\" {}\nflow \"f\" {\n from = queue.in\n detour {\n" + repeated(12, "send { to = queue.o }\ntransform { body = \"1\" }") + "}\n" + repeated(6, "log {}") + "to = queue.out\n}",
}

// load loads flow files, whose places are said without the folder.
func load(t testing.TB, files ...string) *flow.Config {
	t.Helper()
	c, diags := flow.Load(flow.Options{Files: files, LookupEnv: func(string) (string, bool) { return "", false }})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, files)
	}
	return c
}

// modelOf is the Model of a flow file's text.
func modelOf(t testing.TB, text string) *graph.Model {
	t.Helper()
	name := filepath.Join(t.TempDir(), "flow.hcl")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := graph.Of(load(t, name))
	for i := range m.Nodes {
		if at := m.Nodes[i].At; at != "" {
			m.Nodes[i].At = at[strings.LastIndexByte(at, '/')+1:]
		}
	}
	return m
}

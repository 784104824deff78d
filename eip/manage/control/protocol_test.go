package control

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestDecodeCommand_RefusesWhatIsNone(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"nothing":             {"", "is a JSON object"},
		"garbage":             {"\x00\x01 hello", "is a JSON object"},
		"no UTF-8":            {"{\"command\": \"\xff\"}", "UTF-8"},
		"null":                {"null", "is a JSON object"},
		"a list":              {`[1]`, "is a JSON object"},
		"cut short":           {`{"command": "status"`, "is a JSON object"},
		"two":                 {`{"command": "status"} {"command": "status"}`, "is a JSON object"},
		"no command":          {`{"target": "orders"}`, `"command" is missing`},
		"a number":            {`{"command": 7}`, `"command" must be a string`},
		"args that are none":  {`{"command": "set", "args": [1]}`, `"args" must be an object`},
		"a later version":     {`{"command": "status", "v": 2}`, "speaks version 1 of the protocol, and not 2"},
		"half a version":      {`{"command": "status", "v": 1.5}`, `"v" must be a whole number`},
		"an unknown field":    {`{"command": "set", "arg": {}}`, `no field "arg"; did you mean args?`},
		"another case":        {`{"COMMAND": "status"}`, `no field "COMMAND"; did you mean command?`},
		"too long":            {`{"command": "status", "target": "` + strings.Repeat("x", MaxCommand) + `"}`, "1048576 bytes at most"},
		"nested very deep":    {strings.Repeat("[", 1000000), "is a JSON object"},
		"nested deep in args": {`{"command": "set", "args": {"a": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}}`, "is a JSON object"},
	} {
		_, err := DecodeCommand([]byte(c.data))
		var e *Error
		if !errors.As(err, &e) || e.Code != BadRequest || !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %v, want bad_request with %q", name, err, c.want)
		}
	}
}

func TestDecodeCommand(t *testing.T) {
	c, err := DecodeCommand([]byte(`{"v": 1, "command": "set", "target": "a.b", "instance": "x", "args": {"n": 12345678901, "f": 0.5, "l": [1, {"m": 2}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Command != "set" || c.Target != "a.b" || c.For("y", nil) || !c.For("x", nil) {
		t.Errorf("%+v", c)
	}
	l, _ := c.Args["l"].([]any)
	if c.Args["n"] != json.Number("12345678901") || c.Args["f"] != json.Number("0.5") || len(l) != 2 || l[1].(map[string]any)["m"] != json.Number("2") {
		t.Errorf("%#v", c.Args)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		target, address string
		want            bool
	}{
		{"orders", "orders", true}, {"orders", "orders.a", false}, {"orders.a", "orders", false},
		{"*", "orders", true}, {"*", "orders.a", false}, {"*.*", "orders.a", true}, {"*.validate", "orders.validate", true},
		{"ord*.val*", "orders.validate", true}, {"*ers.*", "orders.validate", true}, {"o*e*s", "orders", true}, {"o*x*s", "orders", false},
		{"**", "orders", true}, {"orders.*.x", "orders.a.x", true}, {"orders.*.x", "orders.a.y", false}, {"", "", true}, {"a*a", "a", false},
	} {
		if got := Matches(c.target, c.address); got != c.want {
			t.Errorf("Matches(%q, %q) = %v", c.target, c.address, got)
		}
	}
}

// What another language signs by the contract is verified here: the text is that of
// Python's json.dumps with separators (",", ":"), sort_keys and no ensure_ascii.
func TestSign_IsWhatTheContractSays(t *testing.T) {
	c, err := DecodeCommand([]byte(`{"command":"set","target":"orders.validate","args":{"sample":1e-07,"enabled":true,"note":"<ü>"},"time":"2026-01-02T03:04:05Z","nonce":"0123456789","signature":"00"}`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.signed()
	if want := `[1,"set","orders.validate",{"enabled":true,"note":"<ü>","sample":1e-07},"","2026-01-02T03:04:05Z","0123456789"]`; err != nil || string(text) != want {
		t.Errorf("%s, %v\nwant %s", text, err, want)
	}
	if got, want := hex.EncodeToString(mac("secret", text)), "f4ee4f46c404608f26718457f7152c4f0286ab19d4933b77e1daeeabc1b56ebf"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzDecodeCommand(f *testing.F) {
	f.Add([]byte(`{"command": "set", "args": {"a": [1, null, "x"]}, "signature": "0"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCommand(data)
		if err == nil {
			_, err = c.signed()
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%v is no Error", err)
		}
	})
}

// A command is for the processes whose names and labels it says.
func TestCommand_For(t *testing.T) {
	for _, c := range []struct {
		instance string
		labels   []string
		for_     bool
	}{
		{"", nil, true}, {"*", nil, true}, {"web1:47", nil, true}, {"web1", nil, false},
		{"web*", nil, true}, {"*:47", nil, true}, {"w*1*7", nil, true}, {"*eb*eb*", nil, false}, {"web1:47*", nil, true}, {"web1:4*47", nil, false}, {"we?1:47", nil, false},
		{"", []string{"resize"}, true}, {"", []string{"blue", "resize"}, true}, {"", []string{"resize", "red"}, false}, {"db*", []string{"resize"}, false},
		{strings.Repeat("*w", 10_000), nil, false},
	} {
		command := Command{Instance: c.instance, Labels: c.labels}
		if got := command.For("web1:47", []string{"resize", "blue"}); got != c.for_ {
			t.Errorf("instance %.20q, labels %q: %v", c.instance, c.labels, got)
		}
		if all := c.instance == "" && c.labels == nil || c.instance == "*"; command.ForAll() != all {
			t.Errorf("instance %.20q, labels %q: ForAll is %v", c.instance, c.labels, !all)
		}
	}
}

package syntax_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

const balanced = `
# { [ (
flow "a" {
  from = queue.in
  content_router {
    when "x" {
      if = "body.x == '{' && ${var.x} > 1"
      to = [queue.x, queue.y]
    }
    otherwise {
      transform { body = jsonencode({ a = (1) }) }
    }
  }
  to = queue.out
}

flow "b" {
  log {
    text = <<-EOT
      { [ ( "
    EOT
  }
  to = queue.out
}
`

// What is left open is named where it opens, whatever follows.
func TestParse_Unbalanced(t *testing.T) {
	for name, c := range map[string]struct {
		take, put string // instead of what
		at, says  string
	}{
		"outermost":              {"  to = queue.out\n}\n\n", "  to = queue.out\n\n", "3:10", `The brace of flow "a" is not closed. Write the closing brace }`},
		"last":                   {"  to = queue.out\n}\n$", "  to = queue.out\n", "17:10", `The brace of flow "b" is not closed. Write the closing brace }`},
		"middle":                 {"    }\n  }\n  to", "    }\n  to", "5:18", "The brace of content_router is not closed. Write the closing brace }"},
		"inner":                  {"queue.y]\n    }\n", "queue.y]\n", "6:14", `The brace of when "x" is not closed. Write the closing brace }`},
		"inner of the last":      {"EOT\n  }\n", "EOT\n", "18:7", "The brace of log is not closed. Write the closing brace }"},
		"on one line":            {"}) }\n", "})\n", "11:17", "The brace of transform is not closed. Write the closing brace }"},
		"an object":              {"(1) }) }", "(1) ) }", "11:37", "The { that opens here is not closed. Write the closing brace }"},
		"a list":                 {"queue.y]", "queue.y", "8:12", "The [ that opens here is not closed. Write the closing bracket ]"},
		"a call":                 {"}) }", "} }", "11:36", "The ( that opens here is not closed. Write the closing parenthesis )"},
		"a group":                {"(1)", "(1", "11:43", "The ( that opens here is not closed. Write the closing parenthesis )"},
		"a quote":                {"1\"\n", "1\n", "7:12", "does not end on its line. Write the other quote"},
		"a name's quote":         {"\"b\" {", "\"b {", "17:6", "does not end on its line. Write the other quote"},
		"a part of a template":   {"var.x}", "var.x", "7:30", "The ${ that opens here is not closed. Write the closing brace }"},
		"a heredoc":              {"    EOT\n", "", "19:12", "Write EOT alone on a line"},
		"one too many":           {"out\n}\n$", "out\n}\n}\n", "25:1", "No block, brace or bracket is open that this } could close"},
		"one too many of a list": {"queue.y]", "queue.y]]", "8:30", "" /* HCL's own */},
		"two":                    {"    }\n  }\n  to = queue.out\n}\n", "    }\n  to = queue.out\n", "5:18", "The brace of content_router is not closed"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.TrimSuffix(strings.Replace(balanced+"$", c.take, c.put, 1), "$")
			if text == balanced {
				t.Fatal("nothing was left out")
			}
			_, diags := syntax.Parse("f.hcl", []byte(text), func(int, int) {})
			if len(diags) != 1 && c.says != "" || !diags.HasErrors() {
				t.Fatalf("it says %v", diags)
			}
			at := fmt.Sprintf("%d:%d", diags[0].Subject.Start.Line, diags[0].Subject.Start.Column)
			if c.says != "" && (at != c.at || !strings.Contains(diags[0].Detail, c.says)) {
				t.Errorf("at %s it says %s\nin\n%s", at, diags[0].Detail, text)
			}
		})
	}
	if _, diags := syntax.Parse("f.hcl", []byte(balanced), func(int, int) {}); diags.HasErrors() {
		t.Error(diags)
	}
}

// What HCL says by its rules is said by what to write.
func TestParse_OneLine(t *testing.T) {
	for text, says := range map[string]string{
		"flow \"f\" {\n  content_router {\n    otherwise { discard {} }\n  }\n}\n": "Write the block on a line of its own",
		"a { b = 1 c = 2 }\n":            "Write each on a line of its own",
		"a { b = 1, c = 2 }\n":           "Write each on a line of its own",
		"flow \"f\" { to = queue.a\n}\n": "the closing brace too",
	} {
		_, diags := syntax.Parse("f.hcl", []byte(text), func(int, int) {})
		if !diags.HasErrors() || !strings.Contains(diags[0].Detail, says) {
			t.Errorf("%s: %v", text, diags)
		}
	}
}

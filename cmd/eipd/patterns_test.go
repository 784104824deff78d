package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
)

// The patterns of the book, chapter by chapter and in its order.
var book = [][]string{
	{"File Transfer", "Shared Database", "Remote Procedure Invocation", "Messaging"},
	{"Message Channel", "Message", "Pipes and Filters", "Message Router", "Message Translator", "Message Endpoint"},
	{"Point-to-Point Channel", "Publish-Subscribe Channel", "Datatype Channel", "Invalid Message Channel",
		"Dead Letter Channel", "Guaranteed Delivery", "Channel Adapter", "Messaging Bridge", "Message Bus"},
	{"Command Message", "Document Message", "Event Message", "Request-Reply", "Return Address",
		"Correlation Identifier", "Message Sequence", "Message Expiration", "Format Indicator"},
	{"Content-Based Router", "Message Filter", "Dynamic Router", "Recipient List", "Splitter", "Aggregator",
		"Resequencer", "Composed Message Processor", "Scatter-Gather", "Routing Slip", "Process Manager", "Message Broker"},
	{"Envelope Wrapper", "Content Enricher", "Content Filter", "Claim Check", "Normalizer", "Canonical Data Model"},
	{"Messaging Gateway", "Messaging Mapper", "Transactional Client", "Polling Consumer", "Event-Driven Consumer",
		"Competing Consumers", "Message Dispatcher", "Selective Consumer", "Durable Subscriber", "Idempotent Receiver",
		"Service Activator"},
	{"Control Bus", "Detour", "Wire Tap", "Message History", "Message Store", "Smart Proxy", "Test Message", "Channel Purger"},
}

// Every pattern has a page with the sections of docs/style.md. It leads to a stage that
// there is, or shows something that is run, or says that there is none. The index of the
// documentation leads to it, and eipd explain knows it.
func TestPatterns_HavePages(t *testing.T) {
	index, err := os.ReadFile(filepath.Join(root, "docs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var names, files []string
	at := 0
	for _, name := range slices.Concat(book...) {
		file := strings.ReplaceAll(strings.ToLower(name), " ", "-") + ".md"
		names, files = append(names, name), append(files, file)
		link := "[" + name + "](patterns/" + file + ")"
		if i := strings.Index(string(index[at:]), link); i < 0 {
			t.Errorf("docs/README.md has no %s, or not in the book's order", link)
		} else {
			at += i
		}
		t.Run(name, func(t *testing.T) { checkPatternPage(t, name, file) })
	}
	if len(names) != 65 {
		t.Errorf("the book has 65 patterns, and the list %d", len(names))
	}
	found, err := filepath.Glob(filepath.Join(root, "docs", "patterns", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if !slices.Contains(files, filepath.Base(f)) {
			t.Errorf("%s is of no pattern of the book", f)
		}
	}
	if slices.Sort(names); !slices.Equal(patternNames(), names) {
		t.Error("eipd explain does not know the patterns of the book, all of them and no others")
	}
}

var (
	patternRun  = regexp.MustCompile(`(?m)^<!-- example: examples/|^\x60\x60\x60console\n(.*\n)*?\$ .*eipd `)
	patternNone = regexp.MustCompile(`(?i)\b(there is none|eipd has no|there is no stage|has no stage of its own)\b`)
)

func checkPatternPage(t *testing.T, name, file string) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "patterns", file))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	rest, ok := strings.CutPrefix(page, "# "+name+"\n\n")
	if problem, _, _ := strings.Cut(rest, "\n## "); !ok || len(problem) < 80 {
		t.Errorf("it does not begin with its title and the problem")
	}
	for _, section := range []string{"In a flow", "What fails, and how", "In Go", "Elsewhere", "See also"} {
		before, after, ok := strings.Cut(rest, "\n## "+section+"\n")
		if !ok || strings.TrimSpace(after) == "" {
			t.Fatalf("the section %q is missing, empty or out of order", section)
		}
		if rest = after; strings.Contains(before, "\n## ") && section == "In a flow" {
			t.Errorf("something stands before %q", section)
		}
	}
	if !strings.Contains(page, "Camel") {
		t.Error("it does not say what Camel calls it")
	}
	proof := patternRun.MatchString(page) || patternNone.MatchString(page)
	for _, kind := range stagesIn(page) {
		if _, known := eip.Stages.New(kind); !known {
			t.Errorf("there is no stage %s", kind)
		} else {
			proof = true
		}
	}
	if !proof {
		t.Error("it leads to no stage, shows nothing that is run, and does not say that there is none")
	}
}

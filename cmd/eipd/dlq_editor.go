package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/manage/deadletter"
)

// editInEditor has a person change a letter, and returns the arguments that change it so.
func editInEditor(cmd *cobra.Command, letter deadletter.Export) (map[string]any, error) {
	if letter.Redacted {
		return nil, errors.New("something of the letter is redacted, and what is not shown cannot be edited; --set and --unset change the rest of it")
	}
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"))
	if editor == "" {
		return nil, errors.New("set EDITOR to the program that is to open the letter, or use --set and --unset")
	}
	f, err := os.CreateTemp("", "eipd-letter-*.txt") // its owner's alone
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	was := document(letter)
	_, err = f.Write(was)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	run := exec.CommandContext(cmd.Context(), "sh", "-c", editor+` "$1"`, "sh", f.Name())
	run.Stdin, run.Stdout, run.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("run the editor: %w", err)
	}
	is, err := os.ReadFile(f.Name())
	if err != nil {
		return nil, err
	}
	return documentChanges(letter, was, is)
}

// letterProperties are what can be edited beside headers and body.
func letterProperties(e *deadletter.Export) map[string]*string {
	return map[string]*string{"type": &e.Type, "key": &e.Key, "content_type": &e.ContentType, "correlation_id": &e.CorrelationID, "reply_to": &e.ReplyTo}
}

// document is a letter as a text: properties and headers, a line each, an empty line,
// and the body.
func document(e deadletter.Export) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Letter %s of the flow %s: %s\n", e.ID, exportedText(e, "eip-flow"), oneLine(exportedText(e, "eip-error")))
	b.WriteString("# Below the empty line is the body. The values of headers are JSON. Lines like this one count for nothing.\n")
	for _, name := range addresses(letterProperties(&e)) {
		fmt.Fprintf(&b, "%s: %s\n", name, oneLine(*letterProperties(&e)[name]))
	}
	for _, name := range headerNames(e) {
		fmt.Fprintf(&b, "headers.%s: %s\n", name, e.Headers[name])
	}
	if e.Body == nil {
		b.WriteString("# The body is no text, and in base64.\n\n" + base64.StdEncoding.EncodeToString(e.Bytes) + "\n")
		return b.Bytes()
	}
	b.WriteString("\n" + *e.Body)
	if !strings.HasSuffix(*e.Body, "\n") {
		b.WriteString("\n") // as editors want it; it is left out again
	}
	return b.Bytes()
}

// documentChanges returns what has changed in a document.
func documentChanges(e deadletter.Export, was, is []byte) (map[string]any, error) {
	before, bodyBefore, err := readDocument(was)
	if err != nil {
		return nil, err
	}
	after, body, err := readDocument(is)
	if err != nil {
		return nil, err
	}
	args, set, unset := map[string]any{}, map[string]any{}, []string{}
	for _, path := range addresses(after) {
		switch text, property := after[path], letterProperties(&e)[path] != nil; {
		case text == before[path]:
		case property:
			set[path] = text
		case !strings.HasPrefix(path, "headers."):
			return nil, fmt.Errorf("there is no property %s", path)
		case !json.Valid([]byte(text)):
			return nil, fmt.Errorf("%s: its value is no JSON; a text stands in quotes", path)
		default:
			set[path] = json.RawMessage(text)
		}
	}
	for _, path := range addresses(before) {
		if _, there := after[path]; !there {
			unset = append(unset, path)
		}
	}
	if !bytes.Equal(body, bodyBefore) {
		if err := bodyChange(args, e, body); err != nil {
			return nil, err
		}
	}
	if len(set) > 0 {
		args["set"] = set
	}
	if len(unset) > 0 {
		args["unset"] = unset
	}
	if len(args) == 0 {
		return nil, errors.New("nothing was changed, and nothing was done")
	}
	return args, nil
}

func bodyChange(args map[string]any, e deadletter.Export, body []byte) error {
	if e.Body == nil {
		if _, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(body))); err != nil {
			return fmt.Errorf("the body: %w", err)
		}
		args["body_base64"] = string(bytes.TrimSpace(body))
		return nil
	}
	if !strings.HasSuffix(*e.Body, "\n") {
		body = bytes.TrimSuffix(body, []byte("\n"))
	}
	args["body_base64"] = base64.StdEncoding.EncodeToString(body)
	return nil
}

// readDocument reads what document wrote, and somebody may have changed.
func readDocument(text []byte) (lines map[string]string, body []byte, err error) {
	head, body, ok := bytes.Cut(text, []byte("\n\n"))
	if !ok {
		return nil, nil, errors.New("the empty line before the body is missing")
	}
	lines = map[string]string{}
	for line := range strings.Lines(string(head)) {
		if line = strings.TrimRight(line, "\r\n"); strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.Index(line, ": ")
		if at < 0 {
			at = len(strings.TrimSuffix(line, ":"))
			line += "  "
		}
		name := line[:at]
		if _, twice := lines[name]; twice || name == "" {
			return nil, nil, fmt.Errorf("the line %.80q is there twice, or is no property", line)
		}
		lines[name] = strings.TrimSpace(line[at+1:])
	}
	return lines, body, nil
}

// headerNames are the names of the headers that stand in a document.
func headerNames(e deadletter.Export) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(e.Headers)), func(n string) bool {
		return strings.HasPrefix(strings.ToLower(n), "eip-") || strings.ContainsAny(n, ":\n\r")
	})
}

// exportedText is a header that is a text.
func exportedText(e deadletter.Export, name string) string {
	var text string
	_ = json.Unmarshal(e.Headers[name], &text) // "" where it is none
	return text
}

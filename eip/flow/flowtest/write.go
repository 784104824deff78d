package flowtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/eipd/eipd/eip/manage/control"
)

// hidden stands in the place of what a copy does not show.
const hidden = "[redacted]"

// WriteTest writes a test that sends again what taps have seen: copies as JSON, one each.
// What must come of them, its reader has to say, but for that the flows take them.
func WriteTest(w io.Writer, copies [][]byte) error {
	file := hclwrite.NewEmptyFile()
	test := file.Body().AppendNewBlock("test", []string{"what was seen"}).Body()
	came := map[string]int64{}
	for _, line := range copies {
		var c control.Copy
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("read copy: %w", err)
		}
		s, err := messageIn(line)
		if err != nil {
			return fmt.Errorf("read copy: %w", err)
		}
		flow, stage, inner := strings.Cut(c.At, ".")
		came[flow]++
		if inner {
			comment(test, fmt.Sprintf("It was seen at %s.%s, and goes through the whole flow here.", flow, stage))
		}
		if strings.Contains(string(line), hidden) {
			comment(test, "What control_bus redacts is missing: write something in its place.")
		}
		if err := appendSend(test, flow, s); err != nil {
			return err
		}
	}
	test.AppendNewline()
	for _, flow := range sorted(came) {
		comment(test, fmt.Sprintf("Say what comes of %s: expect \"queue.NAME\" { … }", messages(int(came[flow]))))
		test.AppendNewBlock("expect", []string{"flow." + flow}).Body().SetAttributeValue("received", cty.NumberIntVal(came[flow]))
	}
	_, err := w.Write(hclwrite.Format(file.Bytes()))
	return err
}

func comment(b *hclwrite.Body, text string) {
	b.AppendUnstructuredTokens(hclwrite.TokensForIdentifier("# " + text + "\n"))
}

func appendSend(test *hclwrite.Body, flow string, s *sendBlock) error {
	b := test.AppendNewBlock("send", []string{"flow." + flow}).Body()
	for _, p := range []struct{ name, value string }{{"id", s.ID}, {"correlation_id", s.CorrelationID}, {"type", s.Type}, {"key", s.Key}, {"content_type", s.ContentType}} {
		if p.value != "" {
			b.SetAttributeValue(p.name, cty.StringVal(p.value))
		}
	}
	if len(s.Headers) > 0 {
		v, err := settingOf(s.Headers)
		if err != nil {
			return err
		}
		b.SetAttributeValue("headers", v)
	}
	if raw, ok := s.Body.([]byte); ok && !json.Valid(raw) {
		b.SetAttributeValue("body_base64", cty.StringVal(base64.StdEncoding.EncodeToString(raw)))
		return nil
	}
	if s.Body == nil {
		return nil
	}
	v, err := settingOf(s.Body)
	if err == nil {
		b.SetAttributeValue("body", v)
	}
	return err
}

// settingOf is what JSON can say as a setting.
func settingOf(v any) (cty.Value, error) {
	text, ok := v.([]byte)
	if !ok {
		var err error
		if text, err = json.Marshal(v); err != nil {
			return cty.NilVal, fmt.Errorf("write setting: %w", err)
		}
	}
	t, err := ctyjson.ImpliedType(text)
	if err != nil {
		return cty.NilVal, fmt.Errorf("write setting: %w", err)
	}
	return ctyjson.Unmarshal(text, t)
}

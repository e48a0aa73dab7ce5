package check

import (
	updates "rollbridge/agent/update"
	"rollbridge/shared/protocol"
)

// endsSoon is how long before its end what people must sign anew is looked at.
const endsSoon = 30

// Program says how the program itself is kept current; altered are the files on
// this computer that are not what was released.
func Program(st updates.Status, altered []string) []Line {
	var lines []Line
	for _, file := range altered {
		lines = append(lines, say(Updates, "altered", "%s is not what was released", file).of("program"))
	}
	if st.Off != "" {
		return append(lines, untried(Updates, st.Text))
	}
	days := int64(st.Ends.Sub(now()).Hours() / 24)
	cause := Good
	switch {
	case st.Problem != nil:
		cause = Failed
	case st.Wait == protocol.UpdateWaitSkipped:
		cause = "went_back"
	case st.Wait == protocol.UpdateWaitSystem:
		cause = "system"
	case st.Wait == protocol.UpdateWaitState && st.Next != "", st.Wait == protocol.UpdateWaitFloor, st.Wait == protocol.UpdateWaitPlatform:
		cause = "no_way"
	case st.Offered != nil && st.Offered.Security && st.Wait == protocol.UpdateWaitHold:
		cause = "security"
	case !st.Ends.IsZero() && days < endsSoon:
		return append(lines, say(Updates, "ends_soon", "What is signed about releases has to be signed anew within %d days", max(0, days)).count(max(0, days)))
	}
	return append(lines, say(Updates, cause, "%s", sentence(oneLine(st.Text))).do(st.Next))
}

// NoProgram says why it was not looked at how the program is kept current.
func NoProgram(why string) []Line { return Skip(why, Updates) }

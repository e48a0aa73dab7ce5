package sqlserver

import "strings"

// structural are the words that begin a clause or a join, and so end an
// expression. None can be a plain name.
var structural = words(`SELECT FROM WHERE GROUP HAVING ORDER UNION EXCEPT INTERSECT
	JOIN INNER LEFT RIGHT FULL CROSS OUTER ON AS`)

// reserved are further words of T-SQL that cannot be plain names.
var reserved = words(`ALL AND ANY ASC BETWEEN BY CASE COLLATE DESC DISTINCT ELSE END ESCAPE EXISTS
	IN IS LIKE NOT NULL OR OVER PARTITION PERCENT SOME THEN TOP WHEN`)

// reasons are why words are forbidden.
const (
	writes   = "a query may only read"
	runs     = "a query is one SELECT and runs nothing"
	controls = "a query is one SELECT without variables, control or transactions"
	reaches  = "a query reads only tables and views of this database"
	hints    = "hints are not allowed, and NOLOCK could read a pupil twice or not at all"
	forms    = "this form of SELECT cannot be checked; put it into a view"
)

var forbiddenWords = func() map[string]string {
	all := map[string]string{}
	for why, list := range map[string]string{
		writes: `INTO INSERT UPDATE DELETE MERGE TRUNCATE CREATE ALTER DROP GRANT REVOKE DENY BULK
			WRITETEXT UPDATETEXT BACKUP RESTORE OUTPUT`,
		runs: `EXEC EXECUTE PROC PROCEDURE DBCC SHUTDOWN KILL RECONFIGURE CHECKPOINT REVERT SETUSER
			RAISERROR THROW PRINT READTEXT`,
		controls: `DECLARE SET WAITFOR BEGIN COMMIT ROLLBACK SAVE TRAN TRANSACTION IF WHILE BREAK CONTINUE
			RETURN GOTO USE GO CURSOR OPEN CLOSE DEALLOCATE FETCH OFFSET`,
		reaches: `OPENROWSET OPENQUERY OPENDATASOURCE OPENXML OPENJSON CONTAINSTABLE FREETEXTTABLE
			SEMANTICKEYPHRASETABLE SEMANTICSIMILARITYTABLE SEMANTICSIMILARITYDETAILSTABLE PREDICT`,
		hints: `NOLOCK READUNCOMMITTED READCOMMITTED READCOMMITTEDLOCK REPEATABLEREAD SERIALIZABLE
			SNAPSHOT HOLDLOCK UPDLOCK XLOCK TABLOCK TABLOCKX PAGLOCK ROWLOCK READPAST NOWAIT NOEXPAND
			FORCESEEK FORCESCAN OPTION WITH`,
		forms: `FOR APPLY PIVOT UNPIVOT TABLESAMPLE COMPUTE WITHIN MATCH VALUES`,
	} {
		for w := range words(list) {
			all[w] = why
		}
	}
	return all
}()

// forbidden says why a word, in capitals, may not stand in a query.
func forbidden(word string) (why string, found bool) {
	if strings.HasPrefix(word, "XP_") || strings.HasPrefix(word, "SP_") || strings.HasPrefix(word, "FN_") {
		return runs, true
	}
	why, found = forbiddenWords[word]
	return why, found
}

// isName reports whether t can be the name of something.
func isName(t token) bool {
	return t.kind == quoted || t.kind == word && !structural[t.value] && !reserved[t.value]
}

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

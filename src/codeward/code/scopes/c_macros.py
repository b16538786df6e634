"""Well-known macros of C that take the name of a member where a function would take a variable."""

from codeward.code._table import words

MEMBER_ARGUMENTS = {
    **dict.fromkeys(
        words(
            "container_of list_entry list_first_entry list_last_entry list_next_entry list_prev_entry "
            "list_for_each_entry list_for_each_entry_continue list_for_each_entry_rcu list_for_each_entry_reverse "
            "list_for_each_entry_safe list_for_each_entry_safe_reverse hlist_entry hlist_for_each_entry "
            "hlist_for_each_entry_rcu hlist_for_each_entry_safe rb_entry offsetof QLIST_FOREACH QLIST_INSERT_HEAD "
            "QLIST_REMOVE QSIMPLEQ_FOREACH QTAILQ_FOREACH QTAILQ_INSERT_TAIL QTAILQ_REMOVE LIST_FOREACH TAILQ_FOREACH "
            "STAILQ_FOREACH TAILQ_INSERT_TAIL TAILQ_REMOVE"
        ),
        -1,
    ),
    "DO_UPCAST": 1,
    "QLIST_FOREACH_SAFE": 2,
    "QSIMPLEQ_FOREACH_SAFE": 2,
    "QTAILQ_FOREACH_SAFE": 2,
    "TAILQ_FOREACH_SAFE": 2,
}
"""By the macro's name, which argument is the name of a member; -1 is the last one."""

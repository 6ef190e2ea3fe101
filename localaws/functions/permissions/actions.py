"""Answers about resource policies."""

import json

from localaws.functions.references import Answer, ReferringActions


class PermissionActions(ReferringActions):
    """AddPermission and its kin."""

    def add_permission(self) -> Answer:
        """Serve AddPermission."""
        target = self.target()
        statement = self.backend_of(target).add_statement(target.name, target.qualifier, self.json_body)
        return self.answer({"Statement": json.dumps(statement)})

    def remove_permission(self) -> Answer:
        """Serve RemovePermission."""
        target = self.target()
        self.backend_of(target).drop_statement(
            target.name, target.qualifier, self.uri_match["StatementId"], self.query("RevisionId")
        )
        return self.answer()

    def get_policy(self) -> Answer:
        """Serve GetPolicy."""
        target = self.target()
        return 200, {}, self.backend_of(target).get_policy(target.name, target.qualifier)

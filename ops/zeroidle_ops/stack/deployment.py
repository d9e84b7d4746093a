"""Deploys a stack, moves it back, takes it away.

    deployment = Deployment(target)
    change = deployment.prepare(Wanted(parameters={"ImageUri": uri}))
    deployment.apply(change)

An update hands on what the scaler has set, publishes a new version only where the function's code
or settings change, and checks at its end that the alias serves it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from zeroidle_contract import load_prices
from zeroidle_ops.errors import DeploymentError
from zeroidle_ops.stack import change_set, deploy, functions
from zeroidle_ops.stack.change_set import ABSENT, ChangeSet
from zeroidle_ops.stack.checks import check_image, check_together, daily_busy_ms
from zeroidle_ops.stack.live import Live, earlier_version, read_live, versions
from zeroidle_ops.stack.parameters import check_each
from zeroidle_ops.stack.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

TIMEOUT_S: Final = 1800.0
_CODE: Final = ("ImageUri", "CodeKey")

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an operator asks for. Parameters that are not named stay as they are."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    daily_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Upload:
    """The scheduled functions' Zip and where it belongs."""

    bucket: str
    key: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A change that CloudFormation has worked out; nothing is done yet, nothing uploaded."""

    change_set: ChangeSet
    release: str
    kept: Mapping[str, str]
    upload: Upload | None


class Deployment:
    """One stack's deployments."""

    def __init__(
        self, target: Target, *, tell: Tell = lambda _: None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._target = target
        self._tell = tell
        self._timeout_s = timeout_s

    def prepare(self, wanted: Wanted) -> Prepared:
        """Work out what would change. It must be applied or discarded.

        Raises:
            NothingToDeployError: the stack is as asked already.
            DeploymentError: it cannot be, or not in the stack's state.
        """
        check_each(wanted.parameters)
        stack = change_set.describe(self._target.cloudformation, self._target.stack_name)
        change_set.check_state(
            self._target.stack_name, stack["StackStatus"] if stack is not None else ABSENT
        )
        # Live values are read last of all, so that the scaler has little time to change them.
        live = read_live(self._target) if stack is not None else None
        kept = live.parameters if live is not None else {}
        standing = {
            one["ParameterKey"]: one["ParameterValue"]
            for one in (stack["Parameters"] if stack is not None and "Parameters" in stack else [])
            if "ParameterKey" in one and "ParameterValue" in one
        }
        after = self._rolled_back(live, wanted) if live is not None else ""
        effective = {**deploy.defaults(), **standing, **kept, **wanted.parameters}
        given = {**kept, **wanted.parameters}
        check_together(effective)
        if "ImageUri" in wanted.parameters or "MemoryMb" in wanted.parameters:
            self._check_image(effective)
        upload = self._functions(stack, effective, wanted)
        if upload is not None:
            given["OpsCodeKey"] = upload.key
        if wanted.daily_usd is not None:
            busy_ms = daily_busy_ms(wanted.daily_usd, effective, load_prices())
            given["AlarmDailyBusyMs"] = str(busy_ms)
        given["Release"] = self._release(effective, standing, after)
        return Prepared(
            change_set=change_set.prepare(
                self._target.cloudformation,
                stack_name=self._target.stack_name,
                parameters=given,
                tags=wanted.tags,
            ),
            release=given["Release"],
            kept={name: kept[name] for name in sorted(set(kept) - set(wanted.parameters))},
            upload=upload,
        )

    def discard(self, prepared: Prepared) -> None:
        """Leave everything as it was."""
        change_set.discard(self._target.cloudformation, prepared.change_set)

    def apply(self, prepared: Prepared) -> Live | None:
        """Do it and wait; what runs then.

        Raises:
            DeploymentError: a resource failed, and CloudFormation has taken it all back; or the
                alias does not serve the new version.
        """
        if prepared.upload is not None:
            self._put(prepared.upload)
        change_set.execute(
            self._target.cloudformation,
            prepared.change_set,
            timeout_s=self._timeout_s,
            tell=self._tell,
        )
        self._target.forget_names()
        live = read_live(self._target)
        if live is not None and live.is_rolled_back:
            raise DeploymentError(
                f"the stack stands, but its alias serves version {live.serving_version} instead of "
                f"{live.deployed_version}: somebody moved it meanwhile; look who, then apply again"
            )
        return live

    def rollback_target(self, to: int | None) -> tuple[int, int]:
        """The version that serves, and the one that would.

        Raises:
            DeploymentError: there is no such version, or it serves already.
        """
        live = read_live(self._target)
        if live is None:
            raise DeploymentError(f"stack {self._target.stack_name!r} has no function yet")
        chosen = to if to is not None else earlier_version(self._target, live.serving_version)
        if chosen == live.serving_version:
            raise DeploymentError(f"version {chosen} serves already")
        if chosen not in (known := versions(self._target)):
            raise DeploymentError(f"there is no version {chosen}, only {known}")
        return live.serving_version, chosen

    def rollback(self, to: int) -> None:
        """Let the alias serve an older version, with the code and the settings it was made with.

        It takes a second or two, in whatever state CloudFormation is. Messages under way end where
        they began.
        """
        names = self._target.stack
        self._target.lambda_.update_alias(
            FunctionName=names.function_name, Name=names.alias_name, FunctionVersion=str(to)
        )

    def _functions(
        self, stack: "StackTypeDef | None", effective: Mapping[str, str], wanted: Wanted
    ) -> Upload | None:
        """The Zip of the scheduled functions, where the stack runs them and has a bucket for it."""
        if "OpsCodeKey" in wanted.parameters or not effective["ImageUri"]:
            return None
        outputs = {
            one.get("OutputKey"): one.get("OutputValue", "")
            for one in (stack.get("Outputs", []) if stack is not None else [])
        }
        if not (bucket := outputs.get("BucketName")):
            self._tell(
                "the watch over dead letters and the scaler are left out: their Zip goes into the "
                "stack's bucket, which is made now; apply once more to add them"
            )
            return None
        content = functions.pack(effective["Architecture"])
        key = f"functions/{hashlib.sha256(content).hexdigest()}.zip"
        return Upload(bucket=bucket, key=key, content=content)

    def _put(self, upload: Upload) -> None:
        try:
            self._target.s3.head_object(Bucket=upload.bucket, Key=upload.key)
        except ClientError as error:
            if (
                error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                != HTTPStatus.NOT_FOUND
            ):
                raise
        else:
            return  # the key names the content
        self._tell(f"uploading the scheduled functions to {upload.bucket}")
        self._target.s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=upload.content)

    def _rolled_back(self, live: Live, wanted: Wanted) -> str:
        """What sets this release apart from an equal one that was rolled back."""
        if not live.is_rolled_back:
            return ""
        if not any(name in wanted.parameters for name in _CODE):
            raise DeploymentError(
                f"version {live.serving_version} serves, rolled back from {live.deployed_version}; "
                "say with --image which image is to run, also if it is one of these two"
            )
        return f"after {live.deployed_version}"

    def _release(
        self, effective: Mapping[str, str], standing: Mapping[str, str], after: str
    ) -> str:
        """The standing name where nothing of the function changes, so that no version is made."""
        if not after and standing.get("Release"):
            stood = {**deploy.defaults(), **standing}
            same = deploy.release(effective) == deploy.release(stood)
            if same and self._template_stands():
                return standing["Release"]
        return deploy.release(effective, after=after)

    def _template_stands(self) -> bool:
        """Does the function stand in the stack's template as in ours?"""
        text = self._target.cloudformation.get_template(StackName=self._target.stack_name)
        return deploy.function_of(str(text["TemplateBody"])) == deploy.function_of(
            deploy.template()
        )

    def _check_image(self, effective: Mapping[str, str]) -> None:
        if effective["ImageUri"]:
            check_image(self._target.ecr, effective)

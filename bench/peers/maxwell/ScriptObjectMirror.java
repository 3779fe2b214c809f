// SPDX-License-Identifier: Apache-2.0

package jdk.nashorn.api.scripting;

/**
 * A name that Java has had no class for since its version 15. Maxwell asks of each value whether it is one of these, which
 * are values of scripts; there are no scripts here, so none is.
 */
public interface ScriptObjectMirror {
}
